{{/* Names and labels. Each takes the root context unless it says otherwise. */}}

{{- define "orgwatch.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 32 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 32 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The selector of a release's pods, which never changes. */}}
{{- define "orgwatch.release-labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Takes root and component. */}}
{{- define "orgwatch.selector" -}}
{{ include "orgwatch.release-labels" .root }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Takes root and component. */}}
{{- define "orgwatch.labels" -}}
{{ include "orgwatch.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Takes root, component and a suffix: `metadata`, without the key. */}}
{{- define "orgwatch.metadata" -}}
name: {{ include "orgwatch.fullname" .root }}-{{ .component }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "orgwatch.labels" . | nindent 2 }}
{{- end -}}

{{/* Takes a map with repository, tag and digest, and a default tag. */}}
{{- define "orgwatch.image" -}}
{{- if .image.digest -}}
{{- printf "%s@%s" .image.repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" .image.repository (.image.tag | default .tag) -}}
{{- end -}}
{{- end -}}

{{/* Takes root and workload. */}}
{{- define "orgwatch.service-account" -}}
{{- .workload.serviceAccount.name | default (printf "%s-%s" (include "orgwatch.fullname" .root) .workload.component) -}}
{{- end -}}
