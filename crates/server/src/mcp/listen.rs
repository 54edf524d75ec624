//! Open streams: who listens is told when their keys come or go, until what proves who they are is over.
//!
//! A stream holds a place from its request on, and ends when whatever it rests on ends (promise 3). It is then cut off, and not closed
//! with a last message: nothing is sent to whoever must not be told anything any more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use jiff::SignedDuration;
use keystead_domain::{Error, UserId};
use rmcp::ErrorData;
use rmcp::service::SubscriptionContext;
use tokio::sync::watch;

use super::caller::{Caller, parts};
use crate::Doors;
use crate::problem::described;
use crate::serve::Stopping;

/// Streams of one user on a node.
const OF_USER: usize = 8;
/// Streams on a node.
const OF_NODE: usize = 1_000;
/// Between two looks, so that many changes at once become one; a revocation is noticed at the end of it, at the latest.
const PAUSE: Duration = Duration::from_millis(100);
/// How often a stream looks whether time alone has ended it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The places for streams.
#[derive(Default)]
pub(super) struct Streams(Mutex<HashMap<UserId, usize>>);

/// A place for one stream, given back when the last who holds it lets go.
pub(super) struct Place {
    streams: Arc<Streams>,
    user: UserId,
    over: watch::Sender<bool>,
}

impl Streams {
    /// A place for a stream of a user, if they and the node have one left.
    fn enter(self: &Arc<Self>, user: UserId) -> Option<Arc<Place>> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.values().sum::<usize>() >= OF_NODE || taken.get(&user).is_some_and(|own| *own >= OF_USER) {
            return None;
        }
        *taken.entry(user).or_default() += 1;
        Some(Arc::new(Place { streams: Arc::clone(self), user, over: watch::Sender::new(false) }))
    }

    /// Gives a request that says it will listen a place, or refuses it. That a request says what it does is checked by the protocol's
    /// service (the header `Mcp-Method`), and one that listens without a place is turned away in [`listen`].
    pub(super) fn admit(
        self: &Arc<Self>,
        parts: &mut Parts,
        user: UserId,
    ) -> Result<Option<Arc<Place>>, Full> {
        if parts.headers.get("mcp-method").is_none_or(|method| method != "subscriptions/listen") {
            return Ok(None);
        }
        let place = self.enter(user).ok_or(Full)?;
        parts.extensions.insert(Arc::clone(&place));
        Ok(Some(place))
    }
}

/// There is no place left.
pub(super) struct Full;

impl IntoResponse for Full {
    fn into_response(self) -> Response {
        let full = Error::RateLimited { retry_after: SignedDuration::from_secs(30) };
        let words =
            format!("Too many open streams: at most {OF_USER} for a user. Close one, or try again later.");
        described(&full, &words)
    }
}

impl Place {
    fn cut_off(&self) {
        self.over.send_replace(true);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.user) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.user);
            }
        }
    }
}

/// An answer that ends at once when its place is cut off, whatever is still to be sent.
pub(super) fn ending_with(place: Arc<Place>, response: Response) -> Response {
    if response.headers().get(CONTENT_TYPE).is_none_or(|kind| kind != "text/event-stream") {
        return response;
    }
    response.map(|body| {
        let over = async move {
            // The sender is held by the place, and the place here.
            _ = place.over.subscribe().wait_for(|over| *over).await;
        };
        Body::from_stream(body.into_data_stream().take_until(Box::pin(over)))
    })
}

/// Runs a stream that was just opened, to its end.
pub(super) async fn listen(doors: &Doors, stream: SubscriptionContext) -> Result<(), ErrorData> {
    let context = stream.request_context();
    let head = parts(&context.extensions);
    let (place, stopping) =
        (head.and_then(|head| head.extensions.get::<Arc<Place>>()), head.and_then(Stopping::of));
    let Some(place) = place else {
        return Err(ErrorData::header_mismatch(
            "Listening takes the header Mcp-Method: subscriptions/listen.",
            None,
        ));
    };
    let mut changes = doors.app().watch_changes();
    let stopped = async {
        match stopping {
            Some(stopping) => stopping.stopped().await,
            None => std::future::pending().await,
        }
    };
    let mut stopped = std::pin::pin!(stopped);
    loop {
        // Each time anew: what proved it when the stream began may be over.
        let Ok(caller) = Caller::of(doors, context) else {
            place.cut_off();
            return Ok(());
        };
        if changes.touched_keys_of(caller.actor.user().id) {
            let told = tokio::time::timeout(PAUSE, stream.sink().notify_resource_list_changed()).await;
            if !matches!(told, Ok(Ok(()))) {
                // Gone, or not reading: what waits to be sent must not wait until it may not be sent any more.
                place.cut_off();
                return Ok(());
            }
        }
        let woken = async {
            tokio::time::sleep(PAUSE).await;
            _ = tokio::time::timeout(LOOK_EVERY, changes.changed()).await;
        };
        tokio::select! {
            () = woken => {}
            () = stream.cancelled() => return Ok(()),
            () = &mut stopped => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_so_many_places_and_no_more_until_one_is_given_back() {
        let streams = Arc::new(Streams::default());
        let user = |n: usize| UserId::from_u128(n as u128);
        let mut places: Vec<_> = (0..OF_NODE).map(|n| streams.enter(user(n / OF_USER)).unwrap()).collect();
        assert!(streams.enter(user(OF_NODE)).is_none(), "the node is full");
        places.pop();
        assert!(streams.enter(user(0)).is_none(), "that user has all of theirs");
        places.push(streams.enter(user(OF_NODE)).unwrap());
        drop(places);
        assert!(streams.0.lock().unwrap().is_empty(), "nobody is remembered");
    }
}
