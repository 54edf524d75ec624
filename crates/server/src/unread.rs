//! What a caller was still sending when its answer was made, as one that is refused for its headers alone.
//!
//! A connection can carry the next request only once this one has been read to its end, and whoever keeps connections, as libraries
//! and proxies do, finds one that closes under its next request: "server disconnected without sending a response". So a little is read
//! and thrown away; and where it is not little, the answer says that the connection ends with it (RFC 9112, section 9.6).

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::Response;
use http::header::{CONNECTION, EXPECT};
use http::{HeaderValue, Request, Version};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use tokio::sync::oneshot;
use tower::ServiceExt as _;

/// The most that is read for nothing, as much as is read of any form.
const BYTES: usize = 64 * 1024;
/// The longest that an answer waits for it.
const WITHIN: Duration = Duration::from_secs(1);

/// Has a request answered, and sees to it that it is read to its end or that the caller knows that it was not.
pub(crate) async fn answer(router: Router, request: Request<Incoming>) -> Result<Response, Infallible> {
    if request.body().is_end_stream() || request.version() > Version::HTTP_11 {
        return router.oneshot(request).await;
    }
    let asks_first = request.headers().contains_key(EXPECT);
    let (left, mut unread) = oneshot::channel();
    let request = request.map(|sent| Body::new(Reading { sent: Some(sent), left: Some(left) }));
    let mut response = router.oneshot(request).await?;
    if let Ok(sent) = unread.try_recv()
        // Reading would be the word to send it all the same (RFC 9110, section 10.1.1).
        && (asks_first || !is_soon_at_its_end(sent).await)
    {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

async fn is_soon_at_its_end(sent: Incoming) -> bool {
    if sent.size_hint().lower() > BYTES as u64 {
        return false;
    }
    let mut rest = Limited::new(sent, BYTES);
    let read = async {
        while let Some(frame) = rest.frame().await {
            if frame.is_err() {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(WITHIN, read).await.unwrap_or(false)
}

/// A body that hands over what is left of it when nobody reads it any more.
struct Reading {
    sent: Option<Incoming>,
    left: Option<oneshot::Sender<Incoming>>,
}

impl Drop for Reading {
    fn drop(&mut self) {
        if let (Some(sent), Some(left)) = (self.sent.take(), self.left.take())
            && !sent.is_end_stream()
        {
            // Whoever no longer wants it has given up the request.
            _ = left.send(sent);
        }
    }
}

impl hyper::body::Body for Reading {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.sent {
            Some(sent) => Pin::new(sent).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.sent.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.sent.as_ref().map_or_else(SizeHint::default, Incoming::size_hint)
    }
}
