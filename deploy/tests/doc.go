// Package tests tries what deploy has for clusters: the Helm chart with Helm's own code and Kubernetes' own types, and the dashboards with
// Grafana's types and a parser of PromQL. It is a module of its own, because nothing else needs these.
package tests
