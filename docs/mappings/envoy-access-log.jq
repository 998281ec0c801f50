# Envoy and Istio: lines of the access log as JSON, one or several, sent by a log shipper.
#
# Istio's JSON has the fields below but for two, which say whose proxy wrote the line; add them to
# meshConfig.accessLogFormat: "workload": "%ENVIRONMENT(ISTIO_META_WORKLOAD_NAME)%" and
# "namespace": "%ENVIRONMENT(POD_NAMESPACE)%".
#
# What a proxy sends out is evidence of a call; what comes in is said by the other side's proxy.
# All lines of one hour about the same two are one statement with one id.

(.body | if type == "array" then .[] else . end)
| select(.workload and .workload != "-" and .upstream_cluster)
# Calls that no server was found for reached nobody.
| select((.response_flags // "-") | test("NR|UH|NC") | not)
| (.upstream_cluster | split("|")) as [$direction, $port, $subset, $host]
| select($direction == "outbound" and ($host // "") != "")
| (.start_time[0:13] + ":00:00Z") as $hour
| ({ kind: "deployment", name: .workload }
   + (if .namespace then { namespace } else {} end)) as $dependent
| (if $port == "80" or $port == "443" then $host else "\($host):\($port)" end) as $name
| {
    id: "\($hour) \($dependent | tojson) \($name)",
    type: "relation.observed",
    time: $hour,
    data: {
      dependent: $dependent,
      provider: { kind: "endpoint", name: $name },
      kind: "calls",
      reportIntervalMs: 3600000
    }
  }
