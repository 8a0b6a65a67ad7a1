package tests

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/yaml"
	strict "sigs.k8s.io/yaml"
)

const folder = "../helm/chatlake"

// Helm tells through the standard log of each link that it follows, for every load.
func TestMain(m *testing.M) {
	log.SetOutput(io.Discard)
	m.Run()
}

// least is what a user must set.
func least() map[string]any {
	return map[string]any{"config": map[string]any{
		"temporal": map[string]any{"address": "temporal-frontend.temporal:7233"},
		"lake":     map[string]any{"url": "s3://acme-lake/chatlake", "region": "eu-central-1"},
		"accounts": map[string]any{"acme": map[string]any{"provider": "chatwoot", "base_url": "https://support.example.com", "account_id": 1, "token": "env:CHATWOOT_TOKEN"}},
	}}
}

// with adds values to the least ones. A name such as worker.replicas is a path.
func with(more map[string]any) map[string]any {
	all := least()
	for name, value := range more {
		at, path := all, strings.Split(name, ".")
		for _, step := range path[:len(path)-1] {
			next, _ := at[step].(map[string]any)
			if next == nil {
				next = map[string]any{}
				at[step] = next
			}
			at = next
		}
		at[path[len(path)-1]] = value
	}
	return all
}

// everything turns all on.
func everything() map[string]any {
	return with(map[string]any{
		"worker.replicas": 3, "worker.activities": 8, "worker.podLabels": map[string]any{"team": "data"}, "worker.nodeSelector": map[string]any{"pool": "batch"},
		"worker.tolerations":               []any{map[string]any{"key": "batch", "operator": "Exists"}},
		"worker.topologySpreadConstraints": []any{map[string]any{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}},
		"config.receive":                   map[string]any{"listen": "0.0.0.0:8643", "allow_plaintext": true, "public_url": "https://push.example.com"},
		"receiver.enabled":                 true, "receiver.ingress.enabled": true, "receiver.ingress.host": "push.example.com", "receiver.ingress.tlsSecret": "push-tls",
		"secretEnv": []any{"chatlake-tokens"}, "secretFiles": []any{"chatlake-keys"}, "imagePullSecrets": []any{map[string]any{"name": "registry"}},
		"networkPolicy.enabled": true, "networkPolicy.from": []any{map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{"name": "monitoring"}}}},
		"monitoring.serviceMonitor.enabled": true, "monitoring.rules.enabled": true, "monitoring.dashboards.enabled": true,
		"serviceAccount.annotations": map[string]any{"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/chatlake"},
	})
}

// render returns the texts of the chart's objects by file.
func render(values map[string]any) (map[string]string, error) {
	chart, err := loader.Load(folder)
	if err != nil {
		return nil, err
	}
	all, err := chartutil.ToRenderValues(chart, values, chartutil.ReleaseOptions{Name: "acme", Namespace: "data", Revision: 1, IsInstall: true}, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return engine.Render(chart, all)
}

// kinds are the objects that the chart may make.
var kinds = map[string]func() runtime.Object{
	"v1/ConfigMap": func() runtime.Object { return &core.ConfigMap{} }, "v1/Service": func() runtime.Object { return &core.Service{} },
	"v1/ServiceAccount": func() runtime.Object { return &core.ServiceAccount{} }, "apps/v1/Deployment": func() runtime.Object { return &apps.Deployment{} },
	"apps/v1/StatefulSet": func() runtime.Object { return &apps.StatefulSet{} }, "policy/v1/PodDisruptionBudget": func() runtime.Object { return &policy.PodDisruptionBudget{} },
	"networking.k8s.io/v1/NetworkPolicy": func() runtime.Object { return &networking.NetworkPolicy{} }, "networking.k8s.io/v1/Ingress": func() runtime.Object { return &networking.Ingress{} },
	"monitoring.coreos.com/v1/ServiceMonitor": func() runtime.Object { return &monitoring.ServiceMonitor{} },
	"monitoring.coreos.com/v1/PrometheusRule": func() runtime.Object { return &monitoring.PrometheusRule{} },
}

// objects are those that the chart makes, by kind and name. Each must be one that Kubernetes' types take without an unknown field.
func objects(t *testing.T, values map[string]any) map[string]runtime.Object {
	t.Helper()
	files, err := render(values)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]runtime.Object{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		documents := yaml.NewYAMLReader(newReader(files[name]))
		for {
			text, err := documents.Read()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(bytes.TrimSpace(text)) == 0 {
				continue
			}
			key, object, err := decode(text)
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, text)
			}
			if all[key] != nil {
				t.Errorf("%s is there twice", key)
			}
			all[key] = object
		}
	}
	return all
}

func decode(text []byte) (string, runtime.Object, error) {
	var head struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   struct {
			Name   string            `json:"name"`
			Labels map[string]string `json:"labels"`
		} `json:"metadata"`
	}
	if err := strict.Unmarshal(text, &head); err != nil {
		return "", nil, err
	}
	make := kinds[head.APIVersion+"/"+head.Kind]
	if make == nil {
		return "", nil, fmt.Errorf("unknown kind %s/%s", head.APIVersion, head.Kind)
	}
	if problems := validation.IsDNS1035Label(head.Metadata.Name); len(problems) > 0 {
		return "", nil, fmt.Errorf("name %q: %s", head.Metadata.Name, problems)
	}
	for name, value := range head.Metadata.Labels {
		if problems := append(validation.IsQualifiedName(name), validation.IsValidLabelValue(value)...); len(problems) > 0 {
			return "", nil, fmt.Errorf("label %s=%s: %s", name, value, problems)
		}
	}
	object := make()
	return head.Kind + "/" + head.Metadata.Name, object, strict.UnmarshalStrict(text, object)
}

func TestChartIsLinted(t *testing.T) {
	for name, values := range map[string]map[string]any{"least": least(), "everything": everything()} {
		linted := lint.AllWithKubeVersionAndSchemaValidation(folder, values, "data", nil, false)
		for _, message := range linted.Messages {
			if message.Severity > support.InfoSev {
				t.Errorf("%s: %s", name, message)
			}
		}
	}
}

func TestChartMakesWhatItShould(t *testing.T) {
	few, all := objects(t, least()), objects(t, everything())
	want := []string{"ConfigMap/acme-chatlake", "Deployment/acme-chatlake-worker", "Service/acme-chatlake-worker", "ServiceAccount/acme-chatlake"}
	if made := slices.Sorted(maps.Keys(few)); !slices.Equal(made, want) {
		t.Errorf("least: %v, want %v", made, want)
	}
	more := slices.Concat(want, []string{
		"ConfigMap/acme-chatlake-dashboard-now", "ConfigMap/acme-chatlake-dashboard-throughput", "Ingress/acme-chatlake-receiver", "NetworkPolicy/acme-chatlake-worker",
		"PodDisruptionBudget/acme-chatlake-worker", "PrometheusRule/acme-chatlake", "Service/acme-chatlake-receiver", "ServiceMonitor/acme-chatlake", "StatefulSet/acme-chatlake-receiver",
	})
	slices.Sort(more)
	if made := slices.Sorted(maps.Keys(all)); !slices.Equal(made, more) {
		t.Errorf("everything: %v, want %v", made, more)
	}
}

// TestChartsPartsFitTogether looks at what refers to something else: ports, volumes, selectors, and the rules.
func TestChartsPartsFitTogether(t *testing.T) {
	all := objects(t, everything())
	worker, receiver := all["Deployment/acme-chatlake-worker"].(*apps.Deployment), all["StatefulSet/acme-chatlake-receiver"].(*apps.StatefulSet)
	pods := map[string]core.PodTemplateSpec{"worker": worker.Spec.Template, "receiver": receiver.Spec.Template}
	claims := map[string]bool{}
	for _, claim := range receiver.Spec.VolumeClaimTemplates {
		claims[claim.Name] = true
	}
	for name, pod := range pods {
		for _, complaint := range audit(pod.Spec, claims) {
			t.Errorf("%s: %s", name, complaint)
		}
		service := all["Service/acme-chatlake-"+name].(*core.Service)
		for key, value := range service.Spec.Selector {
			if pod.Labels[key] != value {
				t.Errorf("the service of the %s wants %s=%s, and its pods have %q", name, key, value, pod.Labels[key])
			}
		}
		for _, port := range service.Spec.Ports {
			if !slices.ContainsFunc(pod.Spec.Containers[0].Ports, func(p core.ContainerPort) bool { return p.Name == port.TargetPort.String() }) {
				t.Errorf("the service of the %s goes to port %s, which its pods have not", name, port.TargetPort.String())
			}
		}
	}
	monitor := all["ServiceMonitor/acme-chatlake"].(*monitoring.ServiceMonitor)
	for name := range pods {
		service := all["Service/acme-chatlake-"+name].(*core.Service)
		for key, value := range monitor.Spec.Selector.MatchLabels {
			if service.Labels[key] != value {
				t.Errorf("the ServiceMonitor wants %s=%s, and the service of the %s has %q", key, value, name, service.Labels[key])
			}
		}
		if port := monitor.Spec.Endpoints[0].Port; !slices.ContainsFunc(service.Spec.Ports, func(p core.ServicePort) bool { return p.Name == port }) {
			t.Errorf("the ServiceMonitor scrapes port %q, which the service of the %s has not", port, name)
		}
	}
	rules := all["PrometheusRule/acme-chatlake"].(*monitoring.PrometheusRule)
	if len(rules.Spec.Groups) == 0 || len(rules.Spec.Groups[0].Rules) < 12 {
		t.Errorf("the PrometheusRule has %d groups", len(rules.Spec.Groups))
	}
	shipped, err := os.ReadFile("../prometheus/chatlake.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var own monitoring.PrometheusRuleSpec
	if err := strict.UnmarshalStrict(shipped, &own); err != nil || fmt.Sprint(own) == "" || len(own.Groups[0].Rules) != len(rules.Spec.Groups[0].Rules) {
		t.Errorf("the rules of the chart are not those of deploy/prometheus: %v", err)
	}
	for i, rule := range own.Groups[0].Rules {
		if made := rules.Spec.Groups[0].Rules[i]; made.Alert != rule.Alert || made.Expr.String() != rule.Expr.String() || !maps.Equal(made.Annotations, rule.Annotations) {
			t.Errorf("rule %s is %s in the chart", rule.Alert, made.Alert)
		}
	}
	for name, file := range map[string]string{"now": "now.json", "throughput": "throughput.json"} {
		text, err := os.ReadFile(filepath.Join("../grafana", file))
		if err != nil {
			t.Fatal(err)
		}
		made := all["ConfigMap/acme-chatlake-dashboard-"+name].(*core.ConfigMap).Data["chatlake-"+file]
		if strings.TrimSpace(made) != strings.TrimSpace(string(text)) {
			t.Errorf("the dashboard %s of the chart is not that of deploy/grafana", name)
		}
	}
}

// audit complains about pods that could not run, or that may do more than they need.
func audit(pod core.PodSpec, claims map[string]bool) (complaints []string) {
	say := func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) }
	volumes := maps.Clone(claims)
	for _, volume := range pod.Volumes {
		volumes[volume.Name] = true
	}
	if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken {
		say("it gets a token of the cluster")
	}
	if s := pod.SecurityContext; s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.SeccompProfile == nil {
		say("it may run as root, or call everything")
	}
	for _, c := range pod.Containers {
		ports := map[string]bool{}
		for _, port := range c.Ports {
			ports[port.Name] = true
		}
		for _, mount := range c.VolumeMounts {
			if !volumes[mount.Name] {
				say("there is no volume %s", mount.Name)
			}
		}
		if s := c.SecurityContext; s == nil || !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || !slices.Equal(s.Capabilities.Drop, []core.Capability{"ALL"}) {
			say("container %s may do more than it needs", c.Name)
		}
		for _, probe := range []*core.Probe{c.LivenessProbe, c.ReadinessProbe} {
			switch {
			case probe == nil:
				say("container %s lacks a probe", c.Name)
			case probe.HTTPGet != nil && !ports[probe.HTTPGet.Port.String()], probe.TCPSocket != nil && !ports[probe.TCPSocket.Port.String()]:
				say("a probe of container %s asks a port that it has not", c.Name)
			}
		}
		if c.Resources.Limits.Memory().IsZero() {
			say("container %s has no limit of memory", c.Name)
		}
	}
	return complaints
}

// TestChartRefusesMistakes wants errors that name what is wrong.
func TestChartRefusesMistakes(t *testing.T) {
	for _, test := range []struct {
		name, want string
		values     map[string]any
	}{
		{"no configuration", "config.temporal is missing; set it, or existingConfigMap", nil},
		{"no lake", "config.lake is missing", map[string]any{"config": map[string]any{"temporal": map[string]any{"address": "t:7233"}, "accounts": map[string]any{"a": 1}}}},
		{"a misspelt value", "replica", with(map[string]any{"worker.replica": 2})},
		{"a port that is none", "service", with(map[string]any{"service.port": 70000})},
		{"a level that is none", "logLevel", with(map[string]any{"worker.logLevel": "loud"})},
		{"too little time to stop", "terminationGracePeriodSeconds", with(map[string]any{"worker.terminationGracePeriodSeconds": 5})},
		{"a receiver without its section", "receiver.enabled needs the section config.receive", with(map[string]any{"receiver.enabled": true})},
		{"an ingress without a host", "receiver.ingress.host is missing", with(map[string]any{"config.receive": map[string]any{"listen": "0.0.0.0:8643"}, "receiver.enabled": true, "receiver.ingress.enabled": true})},
	} {
		if _, err := render(test.values); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.name, err, test.want)
		}
	}
}

// TestConfigMapIsTheConfiguration wants the file that chatlake reads to be the value config, with the folder that the pod has.
func TestConfigMapIsTheConfiguration(t *testing.T) {
	values := with(map[string]any{"config.state_dir": "/elsewhere"})
	var read map[string]any
	if err := strict.Unmarshal([]byte(objects(t, values)["ConfigMap/acme-chatlake"].(*core.ConfigMap).Data["chatlake.yaml"]), &read); err != nil {
		t.Fatal(err)
	}
	want := least()["config"].(map[string]any)
	want["state_dir"] = "/var/lib/chatlake"
	if fmt.Sprint(read) != fmt.Sprint(want) {
		t.Errorf("chatlake.yaml is %v, want %v", read, want)
	}
	if made := objects(t, with(map[string]any{"existingConfigMap": "mine"})); made["ConfigMap/acme-chatlake"] != nil {
		t.Error("there is a ConfigMap beside the user's own")
	}
}
