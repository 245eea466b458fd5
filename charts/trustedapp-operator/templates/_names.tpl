{{/* The name of most objects: that of the release, with the name of the chart unless it is part of it. */}}
{{- define "operator.fullname" -}}
{{- $chart := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains $chart .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $chart | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "operator.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "operator.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name is needed where serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The ClusterRole that allows to publish where it is bound. */}}
{{- define "operator.publisher" -}}
{{- include "operator.fullname" . }}-publisher
{{- end -}}

{{/* The Lease of the leader. Shards do not wait for each other: where there are several, each release has its own. */}}
{{- define "operator.lease" -}}
{{- if .Values.shardSelector -}}
{{- include "operator.fullname" . -}}
{{- else -}}
trustedapp-operator
{{- end -}}
{{- end -}}

{{/* What Pods are selected by: it can never change. */}}
{{- define "operator.selector" -}}
app.kubernetes.io/name: trustedapp-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "operator.labels" -}}
{{ include "operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "operator.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{/* The subject of every binding. */}}
{{- define "operator.subject" -}}
- kind: ServiceAccount
  name: {{ include "operator.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{/* Whether the operator may publish in all namespaces. */}}
{{- define "operator.everywhere" -}}
{{- if has "*" .Values.namespaces -}}
{{- if gt (len .Values.namespaces) 1 -}}
{{- fail "namespaces: \"*\" is all of them, and stands alone" -}}
{{- end -}}
yes
{{- end -}}
{{- end -}}
