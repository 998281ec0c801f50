//! Which types of resources are which kinds of items. The tables are the whole knowledge.

/// What the types of a row become.
pub(super) struct Row {
    /// The kind of the item.
    pub(super) kind: &'static str,
    /// The types.
    pub(super) types: &'static [&'static str],
}

/// Types that others name too; every other type is a `cloud_resource`.
pub(super) const KINDS: &[Row] = &[
    Row {
        kind: "host",
        types: &[
            "aws_instance",
            "google_compute_instance",
            "azurerm_linux_virtual_machine",
            "azurerm_windows_virtual_machine",
            "azurerm_virtual_machine",
            "openstack_compute_instance_v2",
            "hcloud_server",
            "digitalocean_droplet",
            "vsphere_virtual_machine",
            "alicloud_instance",
            "tencentcloud_instance",
            "huaweicloud_compute_instance",
        ],
    },
    Row {
        kind: "database",
        types: &[
            "aws_db_instance",
            "aws_rds_cluster",
            "aws_docdb_cluster",
            "aws_dynamodb_table",
            "aws_opensearch_domain",
            "google_sql_database_instance",
            "azurerm_postgresql_flexible_server",
            "azurerm_mysql_flexible_server",
            "azurerm_mssql_server",
            "azurerm_cosmosdb_account",
            "alicloud_db_instance",
            "tencentcloud_mysql_instance",
        ],
    },
    Row {
        kind: "cache",
        types: &[
            "aws_elasticache_cluster",
            "aws_elasticache_replication_group",
            "aws_elasticache_serverless_cache",
            "google_redis_instance",
            "google_memcache_instance",
            "azurerm_redis_cache",
            "alicloud_kvstore_instance",
            "tencentcloud_redis_instance",
        ],
    },
    Row {
        kind: "queue",
        types: &[
            "aws_sqs_queue",
            "aws_sns_topic",
            "aws_kinesis_stream",
            "google_pubsub_topic",
            "azurerm_servicebus_queue",
            "azurerm_servicebus_topic",
            "azurerm_eventhub",
            "kafka_topic",
            "confluent_kafka_topic",
            "rabbitmq_queue",
        ],
    },
    Row {
        kind: "function",
        types: &[
            "aws_lambda_function",
            "google_cloudfunctions_function",
            "google_cloudfunctions2_function",
            "azurerm_linux_function_app",
            "azurerm_function_app",
        ],
    },
    Row {
        kind: "load_balancer",
        types: &[
            "aws_lb",
            "aws_alb",
            "aws_elb",
            "azurerm_lb",
            "azurerm_application_gateway",
            "google_compute_forwarding_rule",
            "google_compute_global_forwarding_rule",
            "alicloud_slb_load_balancer",
            "tencentcloud_clb_instance",
        ],
    },
    Row {
        kind: "cluster",
        types: &[
            "aws_eks_cluster",
            "google_container_cluster",
            "azurerm_kubernetes_cluster",
            "alicloud_cs_managed_kubernetes",
            "tencentcloud_kubernetes_cluster",
        ],
    },
    Row {
        kind: "domain",
        types: &[
            "aws_route53_record",
            "cloudflare_record",
            "cloudflare_dns_record",
            "google_dns_record_set",
        ],
    },
    Row {
        kind: "bucket",
        types: &[
            "aws_s3_bucket",
            "google_storage_bucket",
            "azurerm_storage_account",
        ],
    },
    Row {
        kind: "network",
        types: &[
            "aws_vpc",
            "google_compute_network",
            "azurerm_virtual_network",
        ],
    },
    Row {
        kind: "subnet",
        types: &["aws_subnet", "google_compute_subnetwork", "azurerm_subnet"],
    },
    Row {
        kind: "certificate",
        types: &[
            "aws_acm_certificate",
            "google_certificate_manager_certificate",
        ],
    },
];

/// Providers whose resources are helpers of the configuration: nobody answers for a random number.
const HELPERS: [&str; 8] = [
    "null_",
    "random_",
    "local_",
    "tls_",
    "time_",
    "template_",
    "terraform_",
    "external_",
];

/// Attributes that may leave, besides tags: names and sizes, never contents.
pub(super) const ATTRIBUTES: [&str; 34] = [
    "allocated_storage",
    "availability_zone",
    "cidr_block",
    "db_name",
    "desired_capacity",
    "domain",
    "engine",
    "engine_version",
    "fifo_queue",
    "handler",
    "image",
    "instance_class",
    "instance_type",
    "internal",
    "kind",
    "location",
    "machine_type",
    "max_size",
    "memory_size",
    "min_size",
    "multi_az",
    "node_type",
    "num_cache_nodes",
    "port",
    "region",
    "replicas",
    "runtime",
    "server_type",
    "size",
    "sku_name",
    "storage_type",
    "timeout",
    "version",
    "zone",
];

/// The kind of item that a type of resource becomes; `None` if it is a helper of the configuration.
pub(super) fn kind_of(resource_type: &str) -> Option<&'static str> {
    if HELPERS
        .iter()
        .any(|prefix| resource_type.starts_with(prefix))
    {
        return None;
    }
    let row = KINDS.iter().find(|row| row.types.contains(&resource_type));
    Some(row.map_or("cloud_resource", |row| row.kind))
}
