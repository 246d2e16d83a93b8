{{/* Rules of network policies. */}}

{{/* The port of a URL. Takes url, and a default port. */}}
{{- define "orgwatch.url-port" -}}
{{- regexFind ":[0-9]+$" (urlParse .url).host | trimPrefix ":" | default .default -}}
{{- end -}}

{{/* Takes a URL. */}}
{{- define "orgwatch.scheme-port" -}}
{{- ternary "80" "443" (hasPrefix "http:" .) -}}
{{- end -}}

{{/* One egress rule. Takes to (peers; empty means anywhere) and ports. */}}
{{- define "orgwatch.egress" -}}
- ports:
    {{- range .ports | uniq }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* A peer: pods of this release. Takes root and component. */}}
{{- define "orgwatch.pods" -}}
- podSelector:
    matchLabels:
      {{- include "orgwatch.selector" . | nindent 6 }}
{{- end -}}

{{/* To DNS, NATS and Postgres, which every service needs. Takes the root context. */}}
{{- define "orgwatch.egress-servers" -}}
- ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
  {{- with .Values.networkPolicy.dnsTo }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- $nats := .Values.networkPolicy.natsTo }}
{{- if .Values.nats.inCluster.enabled }}
{{- $nats = include "orgwatch.pods" (dict "root" . "component" "nats") | fromYamlArray }}
{{- end }}
{{- $ports := list }}
{{- range include "orgwatch.nats-servers" . | fromJsonArray }}
{{- $ports = append $ports (include "orgwatch.url-port" (dict "url" . "default" "4222")) }}
{{- end }}
{{ include "orgwatch.egress" (dict "to" $nats "ports" $ports) }}
{{- $postgres := .Values.networkPolicy.postgresTo }}
{{- $port := .Values.postgres.port }}
{{- if .Values.postgres.inCluster.enabled }}
{{- $postgres = include "orgwatch.pods" (dict "root" . "component" "postgres") | fromYamlArray }}
{{- $port = 5432 }}
{{- end }}
{{ include "orgwatch.egress" (dict "to" $postgres "ports" (list $port)) }}
{{- end -}}

{{/* What a service reaches besides its servers. Takes root and workload. */}}
{{- define "orgwatch.egress-beyond" -}}
{{- $config := .root.Values.config -}}
{{- $policy := .root.Values.networkPolicy -}}
{{- with dig "telemetry" "otlp_endpoint" "" $config }}
{{- $port := include "orgwatch.url-port" (dict "url" . "default" (include "orgwatch.scheme-port" .)) }}
{{ include "orgwatch.egress" (dict "to" $policy.otlpTo "ports" (list $port)) }}
{{- end }}
{{- if and (eq .workload.service "ingest") (dig "ingest" "salesforce" "orgs" dict $config) }}
{{ include "orgwatch.egress" (dict "to" $policy.salesforceTo "ports" (list "443" "7443")) }}
{{- end }}
{{- if eq .workload.service "console" }}
{{- with dig "console" "sign_in" "issuer" "" $config }}
{{- $port := include "orgwatch.url-port" (dict "url" . "default" (include "orgwatch.scheme-port" .)) }}
{{ include "orgwatch.egress" (dict "to" $policy.identityTo "ports" (list $port)) }}
{{- end }}
{{- end }}
{{- if eq .workload.service "notifier" }}
{{- $ports := list }}
{{- /* channels is the former key of destinations. */}}
{{- range $key := list "destinations" "channels" }}
{{- range dig "notifier" $key dict $config }}
{{- if has .kind (list "webhook" "slack") }}
{{- /* The chart does not know the content of a url_file. */}}
{{- $url := .url | default "https://unknown" }}
{{- $ports = append $ports (include "orgwatch.url-port" (dict "url" $url "default" (include "orgwatch.scheme-port" $url))) }}
{{- end }}
{{- end }}
{{- end }}
{{- if $ports }}
{{ include "orgwatch.egress" (dict "to" $policy.webhooksTo "ports" ($ports | sortAlpha)) }}
{{- end }}
{{- end }}
{{- with .workload.networkPolicy.egress }}
{{ toYaml . }}
{{- end }}
{{- end -}}
