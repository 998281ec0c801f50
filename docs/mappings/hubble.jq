# Cilium: flows as Hubble's exporter writes them, one or several, sent by a log shipper.
#
# A flow is evidence that one workload calls another. Everything that is seen of the two within an
# hour is one statement with one id, so a million flows are no more events than there are pairs.

# Who a side is: its workload, else its service's name, else the name that it was asked for by.
def workload:
  first(.workloads[]? | { kind: (.kind | ascii_downcase), name })
  + (if .namespace then { namespace } else {} end);

def provider($flow):
  if ($flow.destination.workloads // []) != [] then $flow.destination | workload
  elif ($flow.destination_names // []) != [] then { kind: "endpoint", name: $flow.destination_names[0] }
  else empty end;

(.body | if type == "array" then .[] else . end)
| (.flow // .) as $flow
# An answer says the same the other way round, and one that was dropped reached nobody.
| select($flow.verdict == "FORWARDED" and ($flow.is_reply | not))
| select($flow.l4.TCP or $flow.l4.UDP or $flow.l7)
# Names are looked up all the time, and by everybody.
| select(([$flow.l4[]?.destination_port?] | index(53)) == null)
| select(($flow.source.workloads // []) != [])
| ($flow.source | workload) as $dependent
| provider($flow) as $provider
| select($dependent != $provider)
| ($flow.time[0:13] + ":00:00Z") as $hour
| {
    id: "\($hour) \($dependent | tojson) \($provider | tojson)",
    type: "relation.observed",
    time: $hour,
    data: { dependent: $dependent, provider: $provider, kind: "calls", reportIntervalMs: 3600000 }
  }
