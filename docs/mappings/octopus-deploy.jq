# Octopus Deploy: the webhook of a subscription to deployment events.
#
# A deployment is one change. Its events speak of it by the deployment's id, so what is said
# later adds to what was said before.

# The name that the message has for a document of this kind.
def named($kind):
  .Message as $message
  | first(.MessageReferences[]? | select(.ReferencedDocumentId | startswith($kind + "-")))
  | $message[.StartIndex:.StartIndex + .Length];

{
  DeploymentQueued: "planned",
  DeploymentStarted: "running",
  DeploymentSucceeded: "succeeded",
  DeploymentFailed: "failed"
} as $statuses
| .body.Payload.Event
| $statuses[.Category] as $status
| select($status)
| first(.RelatedDocumentIds[] | select(startswith("Deployments-"))) as $deployment
| {
    id: .Id,
    type: "change.recorded",
    time: .Occurred,
    data: (
      {
        sourceId: $deployment,
        kind: "deployment",
        title: .Message,
        status: $status,
        operator: { kind: (if .Username == "system" then "automatic" else "human" end), name: .Username }
      }
      + (if $status == "running" then { startedAt: .Occurred } else {} end)
      + (if $status == "succeeded" or $status == "failed" then { finishedAt: .Occurred } else {} end)
      + ([named("Projects")] | map({ targets: ["service:" + .] }) | add // {})
      + ([named("Environments")] | map({ environment: . | ascii_downcase }) | add // {})
    )
  }
