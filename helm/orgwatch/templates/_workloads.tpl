{{/*
The workloads of the release: `workloads`, a list. Each has `defaults` merged with its own values, and

  component  its name within the release
  service    the subcommand that it runs
  choice     the flags that choose a group's detectors
  port       where it serves requests; absent if it serves none
  consumer   the durable consumer that its replicas share, and `stream`; absent if there is none
*/}}
{{- define "orgwatch.workloads" -}}
{{- $values := .Values -}}
{{- $prefix := include "orgwatch.prefix" . -}}
{{- $workloads := list -}}
{{- range $service := list "ingest" "baseline" "correlator" "notifier" "console" -}}
  {{- $own := dict "component" $service "service" $service "choice" list -}}
  {{- with get (dict "ingest" 8080 "console" 8090) $service -}}
    {{- $_ := set $own "port" . -}}
  {{- end -}}
  {{- with get (dict "correlator" "finding" "notifier" "incident") $service -}}
    {{- $_ := merge $own (dict "consumer" $service "stream" (printf "%s_%s" $prefix . | upper)) -}}
  {{- end -}}
  {{- $workloads = append $workloads (mergeOverwrite (deepCopy $values.defaults) (deepCopy (get $values $service)) $own) -}}
{{- end -}}
{{- $stream := printf "%s_observation" $prefix | upper -}}
{{- range $group := $values.detector.groups -}}
  {{- $choice := list -}}
  {{- $reads := "all" -}}
  {{- if $group.family -}}
    {{- $choice = list "--family" $group.family -}}
    {{- $reads = $group.family -}}
  {{- else if $group.detectors -}}
    {{- $choice = list "--detectors" (join "," $group.detectors) -}}
    {{- $reads = $group.detectors | uniq | sortAlpha | join "-" -}}
  {{- end -}}
  {{- $own := dict "component" (printf "detector-%s" $group.name) "service" "detector" "choice" $choice -}}
  {{- $_ := merge $own (dict "consumer" (printf "detector-%s" $reads) "stream" $stream) -}}
  {{- $shared := omit $values.detector "groups" -}}
  {{- $workloads = append $workloads (mergeOverwrite (deepCopy $values.defaults) (deepCopy $shared) (deepCopy $group) $own) -}}
{{- end -}}
{{- toYaml (dict "workloads" $workloads) -}}
{{- end -}}

{{/* First token of every subject, and of every stream's name. */}}
{{- define "orgwatch.prefix" -}}
{{- dig "nats" "prefix" "orgwatch" .Values.config -}}
{{- end -}}

{{/* The detectors by family, as `orgwatchd` knows them. */}}
{{- define "orgwatch.families" -}}
volume: [bulk_export, large_request, mass_change, mass_deletion, page_crawl, row_spike, slow_drain, view_burst]
novelty: [new_access, new_report_export, scope_increase, unlike_self]
identity: [app_authorized, controls_loosened, dormant_account, failed_then_success, login_as_export, new_app, rare_network, rare_user_agent, rights_raised, session_hijack]
time: [off_hours]
reconnaissance: [api_recon]
native: [threat_detection]
{{- end -}}

{{/* Takes a detector group of the values: `run`, its detectors. */}}
{{- define "orgwatch.group-detectors" -}}
{{- $families := include "orgwatch.families" . | fromYaml -}}
{{- $run := list -}}
{{- range $family, $detectors := $families -}}
  {{- range $detectors -}}
    {{- if or (eq $family ($.family | default "")) (has . ($.detectors | default list)) (not (or $.family $.detectors)) -}}
      {{- $run = append $run . -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- toYaml (dict "run" $run) -}}
{{- end -}}
