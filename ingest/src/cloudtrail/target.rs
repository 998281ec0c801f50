//! What a call was about: ARNs that the record states, or those that its parameters make.
//! The names are those that a state of Terraform claims, so that both speak of one item.

use model::{KeyParts, SourceKey, bounds};
use serde_json::Value;

use crate::said::Said;

/// Where a service says what is meant: service, parameter, and what stands before the name in the ARN.
const NAMED: [(&str, &str, &str); 28] = [
    ("ec2", "/instanceId", "instance/"),
    ("ec2", "/groupId", "security-group/"),
    ("ec2", "/vpcId", "vpc/"),
    ("ec2", "/subnetId", "subnet/"),
    ("ec2", "/volumeId", "volume/"),
    ("ec2", "/routeTableId", "route-table/"),
    ("ec2", "/natGatewayId", "natgateway/"),
    ("ec2", "/networkAclId", "network-acl/"),
    ("rds", "/dBInstanceIdentifier", "db:"),
    ("rds", "/dBClusterIdentifier", "cluster:"),
    ("rds", "/dBParameterGroupName", "pg:"),
    ("rds", "/dBSubnetGroupName", "subgrp:"),
    ("lambda", "/functionName", "function:"),
    ("dynamodb", "/tableName", "table/"),
    ("eks", "/clusterName", "cluster/"),
    ("eks", "/name", "cluster/"),
    ("elasticache", "/cacheClusterId", "cluster:"),
    ("elasticache", "/replicationGroupId", "replicationgroup:"),
    ("kinesis", "/streamName", "stream/"),
    ("ssm", "/name", "parameter/"),
    ("ecr", "/repositoryName", "repository/"),
    ("logs", "/logGroupName", "log-group:"),
    ("events", "/name", "rule/"),
    ("states", "/name", "stateMachine:"),
    ("es", "/domainName", "domain/"),
    ("opensearch", "/domainName", "domain/"),
    ("batch", "/jobQueue", "job-queue/"),
    ("elasticfilesystem", "/fileSystemId", "file-system/"),
];

/// Services whose ARNs name no region.
const GLOBAL: [(&str, &str, &str); 6] = [
    ("iam", "/roleName", "role/"),
    ("iam", "/userName", "user/"),
    ("iam", "/groupName", "group/"),
    ("iam", "/instanceProfileName", "instance-profile/"),
    ("cloudfront", "/id", "distribution/"),
    ("cloudfront", "/distributionId", "distribution/"),
];

/// Most targets of one call.
const TARGETS_MAX: usize = 100;

/// What a record is about; the account where it tells nothing finer.
pub(super) fn targets(record: &Value, service: &str) -> Vec<SourceKey> {
    let call = Call::of(record, service);
    let mut found = Vec::new();
    for resource in Said(record).entries("/resources") {
        let arn = Said(resource)
            .written("/ARN")
            .or_else(|| Said(resource).written("/arn"));
        found.extend(arn.map(str::to_owned));
    }
    call.by_parameters(&mut found);
    if found.is_empty() {
        stated(&call.response, &mut found);
        stated(&call.request, &mut found);
    }
    let mut targets: Vec<SourceKey> = call.by_name();
    for arn in found {
        let key = SourceKey::Claim {
            scheme: "arn".to_owned(),
            value: arn,
        };
        if !targets.contains(&key) && targets.len() < TARGETS_MAX {
            targets.push(key);
        }
    }
    if let (true, Some(account)) = (targets.is_empty(), &call.account) {
        let account = KeyParts::new("cloud_account", account.clone());
        targets.push(account.into());
    }
    targets
}

/// A call with the place that its names belong to.
struct Call<'r> {
    service: &'r str,
    partition: &'static str,
    region: &'r str,
    account: Option<String>,
    request: Value,
    response: Value,
}

impl<'r> Call<'r> {
    fn of(record: &'r Value, service: &'r str) -> Self {
        let region = Said(record).written("/awsRegion").unwrap_or_default();
        let account = Said(record).written("/recipientAccountId");
        let account = account.or_else(|| Said(record).written("/userIdentity/accountId"));
        Self {
            service,
            partition: match region {
                _ if region.starts_with("cn-") => "aws-cn",
                _ if region.starts_with("us-gov-") => "aws-us-gov",
                _ => "aws",
            },
            region,
            account: account.map(str::to_owned),
            request: record.get("requestParameters").cloned().unwrap_or_default(),
            response: record.get("responseElements").cloned().unwrap_or_default(),
        }
    }

    fn by_parameters(&self, found: &mut Vec<String>) {
        for (service, parameter, before) in NAMED {
            let named = [&self.request, &self.response]
                .into_iter()
                .find_map(|side| Said(side).written(parameter));
            if let (true, Some(name)) = (service == self.service, named) {
                found.push(self.arn(self.region, before, name));
            }
        }
        for (service, parameter, before) in GLOBAL {
            if let (true, Some(name)) = (
                service == self.service,
                Said(&self.request).written(parameter),
            ) {
                found.push(self.arn("", before, name));
            }
        }
        match self.service {
            "ec2" => {
                for side in [&self.request, &self.response] {
                    for instance in Said(side).entries("/instancesSet/items") {
                        let id = Said(instance).written("/instanceId");
                        found.extend(id.map(|id| self.arn(self.region, "instance/", id)));
                    }
                }
            }
            "s3" => {
                let bucket = Said(&self.request).written("/bucketName");
                let partition = self.partition;
                found.extend(bucket.map(|name| format!("arn:{partition}:s3:::{name}")));
            }
            "sqs" => found.extend(
                Said(&self.request)
                    .written("/queueUrl")
                    .and_then(|url| self.queue(url)),
            ),
            "ecs" => found.extend(self.ecs_service()),
            _ => {}
        }
        found.sort();
        found.dedup();
    }

    /// What others know by a name and not by an ARN.
    fn by_name(&self) -> Vec<SourceKey> {
        let mut named = Vec::new();
        if self.service == "route53" {
            for record in Said(&self.request).entries("/changeBatch/changes") {
                let name = Said(record).written("/resourceRecordSet/name");
                let name = name.map(|name| name.trim_end_matches('.').to_lowercase());
                named.extend(name.map(|name| KeyParts::new("domain", name)));
            }
        }
        if self.service == "autoscaling" {
            let group = Said(&self.request).written("/autoScalingGroupName");
            let name = group.map(|group| format!("aws_autoscaling_group.{group}"));
            named.extend(name.map(|name| KeyParts::new("cloud_resource", name)));
        }
        named.truncate(TARGETS_MAX);
        named.into_iter().map(SourceKey::from).collect()
    }

    /// Some parameters take a name as well as an ARN.
    fn arn(&self, region: &str, before: &str, name: &str) -> String {
        if name.starts_with("arn:") {
            return name.to_owned();
        }
        let (partition, service) = (self.partition, self.service);
        let account = self.account.as_deref().unwrap_or_default();
        let name = name.trim_start_matches('/');
        format!("arn:{partition}:{service}:{region}:{account}:{before}{name}")
    }

    /// `https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`.
    fn queue(&self, url: &str) -> Option<String> {
        let mut parts = url.rsplit('/');
        let (name, account) = (parts.next()?, parts.next()?);
        let (partition, region) = (self.partition, self.region);
        Some(format!("arn:{partition}:sqs:{region}:{account}:{name}"))
    }

    fn ecs_service(&self) -> Option<String> {
        let stated = Said(&self.response).written("/service/serviceArn");
        if let Some(stated) = stated {
            return Some(stated.to_owned());
        }
        let service = Said(&self.request).written("/service")?;
        let cluster = Said(&self.request).written("/cluster").unwrap_or("default");
        let cluster = cluster.rsplit('/').next().unwrap_or(cluster);
        Some(self.arn(self.region, &format!("service/{cluster}/"), service))
    }
}

/// Every ARN that stands under a name that ends in it, but roles and policies: they are lent, not changed.
fn stated(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.to_lowercase();
                let is_lent = name.contains("role") || name.contains("policy");
                match value {
                    Value::String(arn) if is_name(&name) && !is_lent => {
                        let fits = arn.starts_with("arn:") && arn.len() <= bounds::KEY_BYTES;
                        if fits && !found.contains(arn) && found.len() < TARGETS_MAX {
                            found.push(arn.clone());
                        }
                    }
                    inner => stated(inner, found),
                }
            }
        }
        Value::Array(entries) => entries.iter().for_each(|entry| stated(entry, found)),
        _ => {}
    }
}

/// A stack of `CloudFormation` has its ARN for an id.
fn is_name(name: &str) -> bool {
    name.ends_with("arn") || name == "stackid"
}
