{{/* Parts of the pods that run orgwatchd. Each takes root, component, workload, and service, which selects the NATS key
and the URL of Postgres. */}}

{{- define "orgwatch.pod-basics" -}}
serviceAccountName: {{ include "orgwatch.service-account" . }}
# No pod uses the Kubernetes API.
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  {{- toYaml .workload.podSecurityContext | nindent 2 }}
{{- range $key := list "nodeSelector" "tolerations" "affinity" }}
{{- with get $.workload $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- with .workload.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{- define "orgwatch.container-basics" -}}
image: {{ include "orgwatch.image" (dict "image" .root.Values.image "tag" .root.Chart.AppVersion) }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  {{- toYaml .workload.securityContext | nindent 2 }}
resources:
  {{- toYaml .workload.resources | nindent 2 }}
{{- with include "orgwatch.environment" . }}
env:
  {{- . | nindent 2 }}
{{- end }}
volumeMounts:
  - {name: config, mountPath: /etc/orgwatch, readOnly: true}
  - {name: tmp, mountPath: /tmp}
  - {name: postgres, mountPath: /run/orgwatch/postgres, readOnly: true}
  {{- if .root.Values.postgres.tls.existingSecret }}
  - {name: postgres-tls, mountPath: /run/orgwatch/postgres-tls, readOnly: true}
  {{- end }}
  {{- if ne .root.Values.nats.auth.kind "none" }}
  - {name: nats, mountPath: /run/orgwatch/nats, readOnly: true}
  {{- end }}
  {{- if .root.Values.nats.tls.existingSecret }}
  - {name: nats-tls, mountPath: /run/orgwatch/nats-tls, readOnly: true}
  {{- end }}
  {{- range $index, $secret := .workload.existingSecrets }}
  - {name: secret-{{ $index }}, mountPath: /run/secrets/{{ $secret }}, readOnly: true}
  {{- end }}
  {{- with .workload.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "orgwatch.environment" -}}
- {name: ORGWATCH_POSTGRES__URL_FILE, value: /run/orgwatch/postgres/url}
{{- if .root.Values.postgres.tls.existingSecret }}
# As in libpq; the URL takes precedence.
- {name: PGSSLMODE, value: verify-full}
- {name: PGSSLROOTCERT, value: /run/orgwatch/postgres-tls/ca.crt}
{{- end }}
{{- if eq .root.Values.nats.auth.kind "token" }}
- {name: ORGWATCH_NATS__AUTH__TOKEN_FILE, value: /run/orgwatch/nats/auth}
{{- end }}
{{- with .workload.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "orgwatch.volumes" -}}
{{- $values := .root.Values -}}
volumes:
  - name: config
    configMap: {name: {{ include "orgwatch.fullname" .root }}-{{ .component }}}
  - name: tmp
    emptyDir: {}
  - name: postgres
    secret:
      secretName: {{ include "orgwatch.postgres-secret" .root }}
      defaultMode: 0440
      items: [{key: {{ get $values.postgres.urlKeys $.service | default $values.postgres.urlKey }}, path: url}]
  {{- with $values.postgres.tls }}
  {{- if .existingSecret }}
  - name: postgres-tls
    secret:
      secretName: {{ .existingSecret }}
      items: [{key: {{ .caKey }}, path: ca.crt}]
  {{- end }}
  {{- end }}
  {{- with $values.nats.auth }}
  {{- if ne .kind "none" }}
  - name: nats
    secret:
      secretName: {{ .existingSecret }}
      defaultMode: 0440
      items: [{key: {{ get .keys $.service }}, path: auth}]
  {{- end }}
  {{- end }}
  {{- with $values.nats.tls }}
  {{- if .existingSecret }}
  - name: nats-tls
    secret:
      secretName: {{ .existingSecret }}
      defaultMode: 0440
      items:
        - {key: {{ .caKey }}, path: ca.crt}
        {{- if .clientCertificate }}
        - {key: tls.crt, path: tls.crt}
        - {key: tls.key, path: tls.key}
        {{- end }}
  {{- end }}
  {{- end }}
  {{- range $index, $secret := .workload.existingSecrets }}
  - name: secret-{{ $index }}
    secret: {secretName: {{ $secret }}, defaultMode: 0440}
  {{- end }}
  {{- with .workload.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "orgwatch.postgres-secret" -}}
{{- .Values.postgres.existingSecret | default (printf "%s-postgres" (include "orgwatch.fullname" .)) -}}
{{- end -}}
