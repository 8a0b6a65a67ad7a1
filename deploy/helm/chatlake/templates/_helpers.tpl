{{- define "chatlake.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "chatlake.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "chatlake.labels" -}}
{{ include "chatlake.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "chatlake.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}{{ else }}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "chatlake.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (ternary (include "chatlake.name" .) "default" .Values.serviceAccount.create) }}
{{- end }}

{{- define "chatlake.configMap" -}}
{{- .Values.existingConfigMap | default (include "chatlake.name" .) }}
{{- end }}

{{- /* What worker and receiver have in common. */}}
{{- define "chatlake.pod" -}}
serviceAccountName: {{ include "chatlake.serviceAccount" . }}
automountServiceAccountToken: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "chatlake.container" -}}
image: {{ include "chatlake.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- with .Values.secretEnv }}
envFrom:
  {{- range . }}
  - secretRef: {name: {{ . | quote }}}
  {{- end }}
{{- end }}
{{- end }}

{{- define "chatlake.mounts" -}}
- {name: config, mountPath: /etc/chatlake/chatlake.yaml, subPath: chatlake.yaml, readOnly: true}
- {name: state, mountPath: /var/lib/chatlake}
{{- range .Values.secretFiles }}
- {name: {{ printf "secret-%s" . | trunc 63 | quote }}, mountPath: {{ printf "/etc/chatlake/secrets/%s" . | quote }}, readOnly: true}
{{- end }}
{{- end }}

{{- define "chatlake.volumes" -}}
- name: config
  configMap: {name: {{ include "chatlake.configMap" . | quote }}}
{{- range .Values.secretFiles }}
- name: {{ printf "secret-%s" . | trunc 63 | quote }}
  secret: {secretName: {{ . | quote }}, defaultMode: 288} # 0440
{{- end }}
{{- end }}
