//! The way between a node and the database, which can be cut.

use std::io;
use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes connections on, as long as it is whole. Cut, it says nothing and ends nothing: as a network does that loses every packet.
pub(crate) struct Link {
    pub(crate) address: SocketAddr,
    whole: watch::Sender<bool>,
}

impl Link {
    pub(crate) async fn to(database: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (whole, is_whole) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, database, is_whole.clone()));
            }
        });
        Self { address, whole }
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
) -> io::Result<()> {
    is_whole.wait_for(|whole| *whole).await.map_err(io::Error::other)?;
    let mut server = TcpStream::connect(database).await?;
    tokio::select! {
        passed = copy_bidirectional(&mut client, &mut server) => { passed?; }
        cut = is_whole.wait_for(|whole| !*whole) => { cut.map_err(io::Error::other)?; }
    }
    // Held open until it is mended: neither end learns anything meanwhile.
    is_whole.wait_for(|whole| *whole).await.map_err(io::Error::other)?;
    Ok(())
}
