{{/*
orgwatch.toml: `config` of the values and the keys that the chart sets, without the sections of other services, so that
a service is replaced only when its own configuration changes. Takes root, and service. `operator` checks all sections
except that of the notifier, because checking that section reads its secrets.

One dotted key a line: `toToml` would write 32 as 32.0, because Helm reads every number as a float. JSON writes strings
and numbers as TOML does.
*/}}
{{- define "orgwatch.config" -}}
{{- $decided := include "orgwatch.config-decided" .root | fromYaml -}}
{{- $config := mergeOverwrite (deepCopy .root.Values.config) $decided -}}
{{- $services := list "ingest" "baseline" "detector" "correlator" "notifier" "console" -}}
{{- range ternary (list "notifier") (without $services .service) (eq .service "operator") -}}
  {{- $_ := unset $config . -}}
{{- end -}}
{{- include "orgwatch.toml" (dict "path" "" "value" $config) | trim -}}
{{- end -}}

{{/* Takes root, service, component and more annotations: the ConfigMap with its orgwatch.toml. */}}
{{- define "orgwatch.config-map" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "orgwatch.metadata" . | nindent 2 }}
  {{- with .annotations }}
  {{- . | nindent 2 }}
  {{- end }}
data:
  orgwatch.toml: |
    {{- include "orgwatch.config" . | nindent 4 }}
{{- end -}}

{{/* Takes the path of a key, and its value. */}}
{{- define "orgwatch.toml" -}}
{{- $path := .path -}}
{{- if kindIs "map" .value -}}
  {{- range $key, $value := .value -}}
    {{- $name := include "orgwatch.toml-key" $key -}}
    {{- include "orgwatch.toml" (dict "path" (ternary $name (printf "%s.%s" $path $name) (eq $path "")) "value" $value) -}}
  {{- end -}}
{{- else if not (kindIs "invalid" .value) -}}
{{ $path }} = {{ include "orgwatch.toml-value" .value }}
{{ end -}}
{{- end -}}

{{/* Takes a key. */}}
{{- define "orgwatch.toml-key" -}}
{{- ternary . (. | quote) (regexMatch "^[A-Za-z0-9_-]+$" .) -}}
{{- end -}}

{{/* Takes a value: a list may hold tables, each on the line of the list. */}}
{{- define "orgwatch.toml-value" -}}
{{- $parts := list -}}
{{- if kindIs "map" . -}}
  {{- range $key, $value := . -}}
    {{- $parts = append $parts (printf "%s = %s" (include "orgwatch.toml-key" $key) (include "orgwatch.toml-value" $value)) -}}
  {{- end -}}
{ {{- join ", " $parts -}} }
{{- else if kindIs "slice" . -}}
  {{- range $value := . -}}
    {{- $parts = append $parts (include "orgwatch.toml-value" $value) -}}
  {{- end -}}
[{{- join ", " $parts -}}]
{{- else -}}
{{ toJson . }}
{{- end -}}
{{- end -}}

{{/* The keys that follow from other values; see orgwatch.reserved. */}}
{{- define "orgwatch.config-decided" -}}
admin:
  listen: 0.0.0.0:9090
ingest:
  listen: 0.0.0.0:8080
console:
  listen: 0.0.0.0:8090
nats:
  servers: {{ include "orgwatch.nats-servers" . }}
  manage_topology: {{ not (include "orgwatch.setup-topology" .) }}
  {{- if eq .Values.nats.auth.kind "nkey" }}
  auth:
    nkey_seed_file: /run/orgwatch/nats/auth
  {{- else if eq .Values.nats.auth.kind "creds" }}
  auth:
    creds_file: /run/orgwatch/nats/auth
  {{- end }}
  {{- with .Values.nats.tls }}
  {{- if .existingSecret }}
  tls:
    ca_file: /run/orgwatch/nats-tls/ca.crt
    {{- if .clientCertificate }}
    cert_file: /run/orgwatch/nats-tls/tls.crt
    key_file: /run/orgwatch/nats-tls/tls.key
    {{- end }}
  {{- end }}
  {{- end }}
postgres:
  migrate: {{ not (include "orgwatch.setup-schema" .) }}
{{- end -}}

{{/* Keys that may not be set in `config`, and what to set instead. */}}
{{- define "orgwatch.reserved" -}}
nats.servers: set nats.servers beside config
nats.auth: set nats.auth beside config
nats.tls: set nats.tls beside config
nats.manage_topology: set setup.enabled
postgres.url: a password does not belong in a config map, set postgres.existingSecret
postgres.migrate: set setup.enabled
admin: the chart listens on 9090
ingest.listen: the chart listens on 8080
console.listen: the chart listens on 8090
{{- end -}}

{{/* A JSON list. */}}
{{- define "orgwatch.nats-servers" -}}
{{- if .Values.nats.inCluster.enabled -}}
{{- list (printf "nats://%s-nats:4222" (include "orgwatch.fullname" .)) | toJson -}}
{{- else -}}
{{- .Values.nats.servers | toJson -}}
{{- end -}}
{{- end -}}

{{/* Whether the Job creates streams and consumers; empty if the services do. */}}
{{- define "orgwatch.setup-topology" -}}
{{- if and .Values.setup.enabled (not .Values.nats.inCluster.enabled) }}true{{ end -}}
{{- end -}}

{{/* Whether the Job migrates the schema; empty if the services do. */}}
{{- define "orgwatch.setup-schema" -}}
{{- if and .Values.setup.enabled (not .Values.postgres.inCluster.enabled) }}true{{ end -}}
{{- end -}}
