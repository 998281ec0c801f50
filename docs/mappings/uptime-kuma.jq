# Uptime Kuma: its webhook notification. A monitor that goes down is an incident of the service
# it is named after; it has ended when the monitor is up again.

# Uptime Kuma writes `2026-11-20 09:00:00.123`, in UTC.
def moment: sub(" "; "T") + "Z";

select(.body.heartbeat and .body.monitor)
| .body as { heartbeat: $beat, monitor: $monitor }
| select($beat.status == 0 or $beat.status == 1)
| ($beat.time | moment) as $at
| {
    id: "\($monitor.id)@\($at)",
    type: (if $beat.status == 0 then "incident.opened" else "incident.updated" end),
    time: $at,
    data: (
      {
        sourceId: "monitor-\($monitor.id)",
        title: "\($monitor.name) does not answer",
        items: ["service:" + ($monitor.name | ascii_downcase | gsub("[^a-z0-9]+"; "-"))],
        description: $beat.msg
      }
      + (if $beat.status == 0
         then { status: "open", startedAt: $at }
         else { status: "resolved", resolvedAt: $at } end)
    )
  }
