//! The attributes of a span: whom it names, and which of its service's interfaces it answers for.

use super::{
    AttributeValue, BEFORE, Fact, LONG_BEFORE, NOW, OF_THE_SOCKET, OF_THE_SOCKET_BEFORE,
    write_facts,
};
use crate::otlp::span::SpanKind;

/// The attributes of a span that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerKey {
    PeerName(u8),
    PeerNamespace,
    Address(u8),
    Port(u8),
    Url(u8),
    RoutedTo,
    DatabaseSystem(u8),
    DatabaseNamespace(u8),
    MessagingSystem,
    Destination(u8),
    DestinationUrl,
    DestinationArn,
    DestinationIsTemporary,
    MessagingOperation(u8),
    Bucket,
    RpcService,
    RpcMethod,
    HttpMethod(u8),
    HttpRoute,
    FunctionName,
    Component,
    ProxyNode,
    MeshService,
}

/// Whom a span names, as its attributes say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct PeerFacts<'a> {
    pub(crate) peer_name: Fact<'a>,
    pub(crate) peer_namespace: Fact<'a>,
    pub(crate) address: Fact<'a>,
    port: Option<u16>,
    port_rank: u8,
    /// Host and port of a URL; what may be secret in it is never kept.
    pub(crate) authority: Fact<'a>,
    pub(crate) database_system: Fact<'a>,
    pub(crate) database_namespace: Fact<'a>,
    pub(crate) messaging_system: Fact<'a>,
    pub(crate) destination: Fact<'a>,
    pub(crate) destination_is_temporary: bool,
    pub(crate) messaging_operation: Fact<'a>,
    pub(crate) bucket: Fact<'a>,
    pub(crate) rpc_service: Fact<'a>,
    pub(crate) rpc_method: Fact<'a>,
    pub(crate) http_method: Fact<'a>,
    pub(crate) http_route: Fact<'a>,
    pub(crate) function_name: Fact<'a>,
    /// Whether its sender says that it is a proxy.
    pub(crate) is_of_proxy: bool,
    /// How a mesh calls the proxy.
    pub(crate) proxy_node: Fact<'a>,
    /// The service that a mesh put the proxy beside.
    pub(crate) mesh_service: Fact<'a>,
}

impl PeerKey {
    /// The attribute of this name, if it is read.
    pub(crate) fn of(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"service.peer.name" => Self::PeerName(NOW),
            b"peer.service" => Self::PeerName(BEFORE),
            b"service.peer.namespace" => Self::PeerNamespace,
            b"server.address" => Self::Address(NOW),
            b"net.peer.name" => Self::Address(BEFORE),
            b"http.host" | b"peer.hostname" | b"peer.address" => Self::Address(LONG_BEFORE),
            b"network.peer.address" | b"net.sock.peer.name" => Self::Address(OF_THE_SOCKET),
            b"net.sock.peer.addr" | b"net.peer.ip" | b"peer.ipv4" | b"peer.ipv6" => {
                Self::Address(OF_THE_SOCKET_BEFORE)
            }
            b"server.port" => Self::Port(NOW),
            b"net.peer.port" => Self::Port(BEFORE),
            b"peer.port" => Self::Port(LONG_BEFORE),
            b"network.peer.port" => Self::Port(OF_THE_SOCKET),
            b"net.sock.peer.port" => Self::Port(OF_THE_SOCKET_BEFORE),
            b"url.full" => Self::Url(NOW),
            b"http.url" => Self::Url(BEFORE),
            b"db.connection_string" => Self::Url(LONG_BEFORE),
            b"upstream_cluster" | b"upstream_cluster.name" => Self::RoutedTo,
            b"db.system.name" => Self::DatabaseSystem(NOW),
            b"db.system" => Self::DatabaseSystem(BEFORE),
            b"db.type" => Self::DatabaseSystem(LONG_BEFORE),
            b"db.namespace" => Self::DatabaseNamespace(NOW),
            b"db.name" => Self::DatabaseNamespace(BEFORE),
            b"db.instance" | b"db.cassandra.keyspace" | b"db.hbase.namespace" => {
                Self::DatabaseNamespace(LONG_BEFORE)
            }
            b"messaging.system" => Self::MessagingSystem,
            b"messaging.destination.template" => Self::Destination(NOW + 1),
            b"messaging.destination.name" => Self::Destination(NOW),
            b"messaging.destination" | b"message_bus.destination" => Self::Destination(BEFORE),
            b"messaging.destination_publish.name" | b"aws.kinesis.stream_name" => {
                Self::Destination(LONG_BEFORE)
            }
            b"aws.sqs.queue.url" | b"aws.queue.url" => Self::DestinationUrl,
            b"aws.sns.topic.arn" => Self::DestinationArn,
            b"messaging.destination.temporary" | b"messaging.temp_destination" => {
                Self::DestinationIsTemporary
            }
            b"messaging.operation.type" => Self::MessagingOperation(NOW),
            b"messaging.operation" => Self::MessagingOperation(BEFORE),
            b"aws.s3.bucket" => Self::Bucket,
            b"rpc.service" => Self::RpcService,
            b"rpc.method" => Self::RpcMethod,
            b"http.request.method" => Self::HttpMethod(NOW),
            b"http.method" => Self::HttpMethod(BEFORE),
            b"http.route" => Self::HttpRoute,
            b"faas.invoked_name" => Self::FunctionName,
            b"component" => Self::Component,
            b"node_id" => Self::ProxyNode,
            b"istio.canonical_service" => Self::MeshService,
            _ => return None,
        })
    }
}

impl<'a> PeerFacts<'a> {
    /// Takes one attribute in.
    pub(crate) fn set(&mut self, key: PeerKey, value: AttributeValue<'a>) {
        match key {
            PeerKey::PeerName(rank) => self.peer_name.set(rank, value),
            PeerKey::PeerNamespace => self.peer_namespace.set(NOW, value),
            PeerKey::Address(rank) => self.address.set(rank, value),
            PeerKey::Port(rank) => self.set_port(rank, value),
            PeerKey::Url(rank) => self.authority.set(rank, value.part(authority)),
            PeerKey::RoutedTo => self.set_routed_to(value),
            PeerKey::DatabaseSystem(rank) => self.database_system.set(rank, value),
            PeerKey::DatabaseNamespace(rank) => self.database_namespace.set(rank, value),
            PeerKey::MessagingSystem => self.messaging_system.set(NOW, value),
            PeerKey::Destination(rank) => self.destination.set(rank, value),
            PeerKey::DestinationUrl => self.destination.set(LONG_BEFORE, value.part(last_segment)),
            PeerKey::DestinationArn => {
                let name = value.part(|arn| arn.rsplit(':').next());
                self.destination.set(LONG_BEFORE, name);
            }
            PeerKey::DestinationIsTemporary => self.destination_is_temporary |= value.is_true(),
            PeerKey::MessagingOperation(rank) => self.messaging_operation.set(rank, value),
            PeerKey::Bucket => self.bucket.set(NOW, value),
            PeerKey::RpcService => self.rpc_service.set(NOW, value),
            PeerKey::RpcMethod => self.rpc_method.set(NOW, value),
            PeerKey::HttpMethod(rank) => self.http_method.set(rank, value),
            PeerKey::HttpRoute => self.http_route.set(NOW, value),
            PeerKey::FunctionName => self.function_name.set(NOW, value),
            PeerKey::Component => self.is_of_proxy |= value.text() == Some("proxy"),
            PeerKey::ProxyNode => self.proxy_node.set(NOW, value),
            PeerKey::MeshService => self.mesh_service.set(NOW, value),
        }
    }

    /// The port. One of the socket belongs to an address of the socket only.
    pub(crate) fn port(&self, of_the_socket: bool) -> Option<u16> {
        self.port
            .filter(|_| of_the_socket || OF_THE_SOCKET < self.port_rank)
    }

    fn set_port(&mut self, rank: u8, value: AttributeValue<'a>) {
        if let Some(port) = value.port()
            && self.port_rank < rank
        {
            self.port = Some(port);
            self.port_rank = rank;
        }
    }

    /// Istio names a cluster `outbound|9080|v1|reviews.shop.svc.cluster.local`.
    fn set_routed_to(&mut self, value: AttributeValue<'a>) {
        let parts = value.text().map(|text| text.split('|').collect::<Vec<_>>());
        if let Some(["outbound", port, _, host]) = parts.as_deref() {
            self.address.set(BEFORE, AttributeValue::Text(host));
            self.set_port(BEFORE, AttributeValue::Text(port));
        }
    }

    /// Writes what counts for a span of this kind, so that different facts are different bytes.
    pub(crate) fn write_to(&self, kind: SpanKind, bytes: &mut Vec<u8>) {
        if kind == SpanKind::Server {
            let facts = [
                self.http_method,
                self.http_route,
                self.rpc_service,
                self.rpc_method,
            ];
            return write_facts(&facts, bytes);
        }
        let facts = [
            self.peer_name,
            self.peer_namespace,
            self.address,
            self.authority,
            self.database_system,
            self.database_namespace,
            self.messaging_system,
            self.destination,
            self.messaging_operation,
            self.bucket,
            self.rpc_service,
            self.rpc_method,
            self.function_name,
        ];
        write_facts(&facts, bytes);
        bytes.extend_from_slice(&self.port.unwrap_or(0).to_le_bytes());
        bytes.push(u8::from(self.destination_is_temporary));
    }
}

/// The host and port of a URL, without what comes before an `@`: that may be a password.
fn authority(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    Some(
        authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host),
    )
}

fn last_segment(url: &str) -> Option<&str> {
    url.trim_end_matches('/').rsplit('/').next()
}
