{{- define "trimtab.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "trimtab.selector" -}}
app.kubernetes.io/name: trimtab
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: gateway
{{- end }}

{{- define "trimtab.vllmSelector" -}}
app.kubernetes.io/name: trimtab
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: vllm
{{- end }}

{{- define "trimtab.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* Each replica has a name of its own: trimtab itself chooses among them, by prefix and load. */}}
{{- define "trimtab.vllmUrls" -}}
{{- $name := printf "%s-vllm" (include "trimtab.name" .) }}
{{- range $i := until (int .Values.vllm.replicas) }}
- http://{{ $name }}-{{ $i }}.{{ $name }}:8000
{{- end }}
{{- end }}

{{/* The configuration as the server reads it: what the chart owns beats what the values say. */}}
{{- define "trimtab.config" -}}
{{- $config := deepCopy .Values.config }}
{{- $owned := dict "server" (dict "host" "0.0.0.0" "port" 8080 "drain_seconds" .Values.drainSeconds) }}
{{- if .Values.vllm.enabled }}
{{- $_ := set $owned "upstreams" (dict "vllm" (dict "kind" "vllm" "urls" (include "trimtab.vllmUrls" . | fromYamlArray))) }}
{{- end }}
{{- toYaml (mergeOverwrite $config $owned) }}
{{- end }}
