//! The way between a node and the database, which can be cut.

use std::io;
use std::net::SocketAddr;

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes connections on, as long as it is whole. Cut, it says nothing and ends nothing: as a network does that loses every packet.
pub(crate) struct Link {
    pub(crate) address: SocketAddr,
    whole: watch::Sender<bool>,
    late: watch::Sender<Duration>,
    lost: watch::Sender<()>,
}

impl Link {
    pub(crate) async fn to(database: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (whole, is_whole) = watch::channel(true);
        let (late, is_late) = watch::channel(Duration::ZERO);
        let (lost, is_lost) = watch::channel(());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let lost = is_lost.clone();
                tokio::spawn(pass(client, database, is_whole.clone(), is_late.clone(), lost));
            }
        });
        Self { address, whole, late, lost }
    }

    /// Each message takes that long from now on, either way.
    pub(crate) fn slow(&self, by: Duration) {
        self.late.send_replace(by);
    }

    /// What is open now says nothing any more and does not end, as if the other host were gone; new connections are passed on.
    pub(crate) fn lose(&self) {
        self.lost.send_replace(());
    }

    pub(crate) fn cut(&self) {
        self.whole.send_replace(false);
    }

    /// What was under way when it was cut stays lost.
    pub(crate) fn mend(&self) {
        self.whole.send_replace(true);
    }
}

async fn pass(
    mut client: TcpStream,
    database: SocketAddr,
    mut is_whole: watch::Receiver<bool>,
    is_late: watch::Receiver<Duration>,
    mut is_lost: watch::Receiver<()>,
) -> io::Result<()> {
    is_lost.mark_unchanged();
    is_whole.wait_for(|whole| *whole).await.map_err(io::Error::other)?;
    let mut server = TcpStream::connect(database).await?;
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let passing = async {
        tokio::try_join!(carry(from_client, to_server, &is_late), carry(from_server, to_client, &is_late))
    };
    let cut = async { is_whole.wait_for(|whole| !*whole).await.map(drop) };
    tokio::select! {
        passed = passing => { passed?; }
        // For as long as the test takes.
        Ok(()) = is_lost.changed() => std::future::pending().await,
        cut = cut => cut.map_err(io::Error::other)?,
    }
    // Held open until it is mended: neither end learns anything meanwhile.
    is_whole.wait_for(|whole| *whole).await.map_err(io::Error::other)?;
    Ok(())
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    is_late: &watch::Receiver<Duration>,
) -> io::Result<()> {
    let mut message = vec![0; 64 * 1024];
    loop {
        let length = from.read(&mut message).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        let late = *is_late.borrow();
        if !late.is_zero() {
            tokio::time::sleep(late).await;
        }
        to.write_all(&message[..length]).await?;
    }
}
