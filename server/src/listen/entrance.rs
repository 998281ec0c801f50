//! How a connection begins: as it is, or by TLS. Behind it both are the same.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use model::Vouched;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;
use tonic::transport::server::Connected;

use crate::stalled::Unstalled;
use crate::tls::{Speaks, Tls};

/// What stands before a listener.
#[derive(Clone)]
pub(crate) struct Entrance {
    /// TLS, if there is any.
    pub(crate) tls: Option<Arc<Tls>>,
    /// What is spoken behind it.
    pub(crate) speaks: Speaks,
    /// How long a client may read nothing of what waits for it.
    pub(crate) patience: Duration,
}

/// Who is at the other end, as far as the connection itself tells.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peer(pub(crate) Option<Arc<Vouched>>);

/// A connection on which both sides are agreed.
pub(crate) struct Connection {
    stream: Unstalled<Either<TcpStream, Box<TlsStream<TcpStream>>>>,
    /// Who is at the other end.
    pub(crate) peer: Peer,
    /// What it holds for as long as it is open.
    slot: Option<OwnedSemaphorePermit>,
}

impl Entrance {
    /// Agrees with the other side.
    pub(crate) async fn meet(&self, stream: TcpStream) -> io::Result<Connection> {
        let (stream, who) = match &self.tls {
            None => (Either::Left(stream), None),
            Some(tls) => {
                let (stream, who) = tls.meet(stream, self.speaks).await?;
                (Either::Right(Box::new(stream)), who)
            }
        };
        Ok(Connection {
            stream: Unstalled::new(stream, self.patience),
            peer: Peer(who),
            slot: None,
        })
    }
}

impl Connection {
    /// Has it hold a place until it ends.
    pub(super) fn holding(mut self, slot: OwnedSemaphorePermit) -> Self {
        self.slot = Some(slot);
        self
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
