{{/* Fails with all contradictions between values; values.schema.json checks single values. */}}
{{- define "orgwatch.check" -}}
{{- $problems := concat (include "orgwatch.check-servers" . | fromYamlArray) (include "orgwatch.check-config" . | fromYamlArray) (include "orgwatch.check-groups" . | fromYamlArray) -}}
{{- range (include "orgwatch.workloads" . | fromYaml).workloads -}}
  {{- $problems = concat $problems (include "orgwatch.check-workload" (dict "root" $ "workload" .) | fromYamlArray) -}}
{{- end -}}
{{- if $problems -}}
{{- fail (printf "the values are not valid:\n  %s" (join "\n  " $problems)) -}}
{{- end -}}
{{- end -}}

{{- define "orgwatch.check-servers" -}}
{{- $problems := list -}}
{{- $nats := .Values.nats -}}
{{- $postgres := .Values.postgres -}}
{{- if $nats.inCluster.enabled -}}
  {{- if $nats.servers -}}
    {{- $problems = append $problems "nats.servers and nats.inCluster.enabled: give one of the two" -}}
  {{- end -}}
  {{- if or (ne $nats.auth.kind "none") $nats.tls.existingSecret -}}
    {{- $problems = append $problems "nats.auth and nats.tls: the server of nats.inCluster supports neither" -}}
  {{- end -}}
  {{- if gt (int (dig "nats" "replicas" 1 .Values.config)) 1 -}}
    {{- $problems = append $problems "config.nats.replicas: nats.inCluster is a single server" -}}
  {{- end -}}
{{- else if not $nats.servers -}}
  {{- $problems = append $problems "nats.servers: name your NATS servers, or set nats.inCluster.enabled to try orgwatch without" -}}
{{- end -}}
{{- if and (ne $nats.auth.kind "none") (not $nats.auth.existingSecret) -}}
  {{- $problems = append $problems (printf "nats.auth.existingSecret: name the Secret with the %s of each service" $nats.auth.kind) -}}
{{- end -}}
{{- if and (eq $nats.auth.kind "none") $nats.auth.existingSecret -}}
  {{- $problems = append $problems "nats.auth.kind: set what the Secret holds: nkey, creds or token" -}}
{{- end -}}
{{- if and $nats.tls.clientCertificate (not $nats.tls.existingSecret) -}}
  {{- $problems = append $problems "nats.tls.existingSecret: name the Secret with the client certificate" -}}
{{- end -}}
{{- if and $postgres.inCluster.enabled $postgres.existingSecret -}}
  {{- $problems = append $problems "postgres.existingSecret and postgres.inCluster.enabled: give one of the two" -}}
{{- else if not (or $postgres.inCluster.enabled $postgres.existingSecret) -}}
  {{- $problems = append $problems "postgres.existingSecret: name the Secret with the URL of your Postgres, or set postgres.inCluster.enabled to try orgwatch without" -}}
{{- end -}}
{{- if and $postgres.urlKeys (not (include "orgwatch.setup-schema" .)) -}}
  {{- $problems = append $problems "postgres.urlKeys: only the owner can migrate the schema, in the Job for an external Postgres; leave setup.enabled on" -}}
{{- end -}}
{{- if and $postgres.inCluster.enabled $postgres.tls.existingSecret -}}
  {{- $problems = append $problems "postgres.tls: the server of postgres.inCluster does not support TLS" -}}
{{- end -}}
{{- toYaml $problems -}}
{{- end -}}

{{- define "orgwatch.check-config" -}}
{{- $problems := list -}}
{{- range $key, $instead := include "orgwatch.reserved" . | fromYaml -}}
  {{- $value := $.Values.config -}}
  {{- range splitList "." $key -}}
    {{- $value = ternary (get (ternary $value dict (kindIs "map" $value)) .) nil (kindIs "map" $value) -}}
  {{- end -}}
  {{- if not (or (kindIs "invalid" $value) (eq (toString $value) "")) -}}
    {{- $problems = append $problems (printf "config.%s: %s" $key $instead) -}}
  {{- end -}}
{{- end -}}
{{- $secrets := regexFindAll "(?m)^(ingest|notifier|console)[^ ]*[.](tokens|secret|private_key|client_secret) =" (include "orgwatch.toml" (dict "path" "" "value" .Values.config)) -1 -}}
{{- $public := dig "console" "sign_in" "public_url" "" .Values.config -}}
{{- with .Values.console.ingress -}}
  {{- if and .enabled $public (ne (urlParse $public).host .host) -}}
    {{- $problems = append $problems (printf "console.ingress.host: config.console.sign_in.public_url leads browsers to %s; give both the same host" $public) -}}
  {{- end -}}
{{- end -}}
{{- range $secrets -}}
  {{- $key := trimSuffix " =" . -}}
  {{- $problems = append $problems (printf "config.%s: a secret does not belong in a config map; name a file below /run/secrets, and its Secret in existingSecrets" $key) -}}
{{- end -}}
{{- toYaml $problems -}}
{{- end -}}

{{- define "orgwatch.check-groups" -}}
{{- $problems := list -}}
{{- $families := include "orgwatch.families" . | fromYaml -}}
{{- $all := list -}}
{{- range $families -}}{{- $all = concat $all . -}}{{- end -}}
{{- $names := list -}}
{{- $runs := dict -}}
{{- range $group := .Values.detector.groups -}}
  {{- if has $group.name $names -}}
    {{- $problems = append $problems (printf "detector.groups: two groups are named %s" $group.name) -}}
  {{- end -}}
  {{- $names = append $names $group.name -}}
  {{- if and $group.family $group.detectors -}}
    {{- $problems = append $problems (printf "detector.groups[%s]: give family or detectors, not both" $group.name) -}}
  {{- end -}}
  {{- if not (hasKey $families ($group.family | default "volume")) -}}
    {{- $problems = append $problems (printf "detector.groups[%s].family: there is no %s, only %s" $group.name $group.family (keys $families | sortAlpha | join ", ")) -}}
  {{- end -}}
  {{- range $group.detectors -}}
    {{- if not (has . $all) -}}
      {{- $problems = append $problems (printf "detector.groups[%s].detectors: there is no %s, only %s" $group.name . ($all | sortAlpha | join ", ")) -}}
    {{- end -}}
  {{- end -}}
  {{- range (include "orgwatch.group-detectors" $group | fromYaml).run -}}
    {{- with get $runs . -}}
      {{- $twice := printf "detector.groups: %s and %s both run the same detectors and would do that work twice" . $group.name -}}
      {{- if not (has $twice $problems) -}}{{- $problems = append $problems $twice -}}{{- end -}}
    {{- end -}}
    {{- $_ := set $runs . $group.name -}}
  {{- end -}}
{{- end -}}
{{- toYaml $problems -}}
{{- end -}}

{{/* Takes root and workload. */}}
{{- define "orgwatch.check-workload" -}}
{{- $problems := list -}}
{{- $name := .workload.component -}}
{{- $scaling := .workload.autoscaling -}}
{{- $most := ternary .workload.replicas $scaling.maxReplicas (eq $scaling.kind "none") | int -}}
{{- if and (ne $scaling.kind "none") (gt (int $scaling.minReplicas) (int $scaling.maxReplicas)) -}}
  {{- $problems = append $problems (printf "%s.autoscaling: minReplicas is above maxReplicas" $name) -}}
{{- end -}}
{{- if eq $scaling.kind "hpa" -}}
  {{- if lt (int $scaling.minReplicas) 1 -}}
    {{- $problems = append $problems (printf "%s.autoscaling.minReplicas: at least 1 with hpa, which cannot start a service from 0 pods" $name) -}}
  {{- end -}}
  {{- if not (dig "requests" "cpu" "" .workload.resources) -}}
    {{- $problems = append $problems (printf "%s.resources.requests.cpu: needed by hpa, which scales by the used share of it" $name) -}}
  {{- end -}}
{{- else if eq $scaling.kind "keda" -}}
  {{- if not .workload.consumer -}}
    {{- $problems = append $problems (printf "%s.autoscaling.kind: keda scales by the messages of a shared consumer, and the replicas of %s share none; use hpa" $name $name) -}}
  {{- else if .root.Values.nats.inCluster.enabled -}}
    {{- $problems = append $problems (printf "%s.autoscaling.kind: keda needs its consumer to exist first, which only the Job for an external NATS creates; use hpa with nats.inCluster" $name) -}}
  {{- else if not .root.Values.setup.enabled -}}
    {{- $problems = append $problems (printf "%s.autoscaling.kind: keda needs its consumer to exist first; leave setup.enabled on" $name) -}}
  {{- else if not .root.Values.nats.monitoring.endpoint -}}
    {{- $problems = append $problems (printf "nats.monitoring.endpoint: needed by keda to query the messages that wait for %s" $name) -}}
  {{- end -}}
{{- end -}}
{{- if eq .workload.service "baseline" -}}
  {{- $partitions := dig "partitions" "count" 32 .root.Values.config | int -}}
  {{- if gt $most $partitions -}}
    {{- $problems = append $problems (printf "baseline: %d replicas for %d partitions (config.partitions.count); the others would idle" $most $partitions) -}}
  {{- end -}}
{{- end -}}
{{- if and (eq .workload.service "ingest") (gt $most 1) (dig "ingest" "files" "paths" list .root.Values.config) -}}
  {{- $problems = append $problems "config.ingest.files: each replica of ingest would read them; set ingest.replicas to 1 and ingest.autoscaling.kind to none" -}}
{{- end -}}
{{- if le (int .workload.terminationGracePeriodSeconds) (add 20 (.workload.drainSeconds | default 0) | int) -}}
  {{- $problems = append $problems (printf "%s.terminationGracePeriodSeconds: a service needs 20 s to stop in order, after its drainSeconds" $name) -}}
{{- end -}}
{{- toYaml $problems -}}
{{- end -}}
