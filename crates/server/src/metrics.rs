//! What `/metrics` shows. Labels are words of ours, never anything that a caller sent.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;
use keystead_app::{App, Refusal, SessionRefusal, Verified};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

type Outcomes = Family<Vec<(&'static str, &'static str)>, Counter>;

/// The counters of the doors.
pub(crate) struct Metrics {
    registry: Registry,
    accepted: Counter,
    unknown: Counter,
    expired: Counter,
    inactive: Counter,
    unavailable: Counter,
    sessions: [Counter; 4],
    access_tokens: [Counter; 3],
    verification: Arc<Histogram>,
    requests: [Counter; 5],
    request: Arc<Histogram>,
    tools: Outcomes,
}

/// What became of the call of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ToolOutcome {
    /// It did what it does.
    Done,
    /// The caller may not, or asked for what cannot be.
    Refused,
    /// It could not be done now, or the fault is ours.
    Failed,
}

impl Metrics {
    pub(crate) fn new(app: &Arc<App>) -> Self {
        let mut registry = Registry::with_prefix("keystead");
        let outcomes = Outcomes::default();
        let answers = Outcomes::default();
        registry.register("verifications", "Verifications of API keys, by outcome", outcomes.clone());
        registry.register("http_requests", "Requests but /verify, by class of status", answers.clone());
        let sessions = Outcomes::default();
        let help = "Checks of the tokens of impersonated sessions, by outcome";
        registry.register("session_checks", help, sessions.clone());
        let access_tokens = Outcomes::default();
        let help = "Checks of the access tokens of connected apps, by outcome";
        registry.register("access_token_checks", help, access_tokens.clone());
        let access_token = |name| access_tokens.get_or_create(&vec![("outcome", name)]).clone();
        let session = |name| sessions.get_or_create(&vec![("outcome", name)]).clone();
        let outcome = |name| outcomes.get_or_create(&vec![("outcome", name)]).clone();
        let class = |name| answers.get_or_create(&vec![("status", name)]).clone();
        let tools = Outcomes::default();
        registry.register("mcp_tool_calls", "Calls of tools at /mcp, by tool and outcome", tools.clone());
        let verification = Arc::new(Histogram::default());
        let request = Arc::new(Histogram::default());
        registry.register_collector(Box::new(Timing {
            name: "verification_duration",
            help: "Time of a verification in the process, without HTTP",
            histogram: Arc::clone(&verification),
        }));
        registry.register_collector(Box::new(Timing {
            name: "http_request_duration",
            help: "Time of a request but /verify, from its headers to those of the answer",
            histogram: Arc::clone(&request),
        }));
        registry.register_collector(Box::new(Held(Arc::clone(app))));
        Self {
            accepted: outcome("accepted"),
            unknown: outcome("unknown"),
            expired: outcome("expired"),
            inactive: outcome("creator_inactive"),
            unavailable: outcome("unavailable"),
            sessions: [session("accepted"), session("ended"), session("expired"), session("unavailable")],
            access_tokens: [access_token("accepted"), access_token("refused"), access_token("unavailable")],
            requests: [class("1xx"), class("2xx"), class("3xx"), class("4xx"), class("5xx")],
            registry,
            verification,
            request,
            tools,
        }
    }

    pub(crate) fn verified(&self, outcome: &Result<Verified, Refusal>, took: Duration) {
        match outcome {
            Ok(_) => &self.accepted,
            Err(Refusal::Unknown) => &self.unknown,
            Err(Refusal::Expired { .. }) => &self.expired,
            Err(Refusal::CreatorInactive) => &self.inactive,
            Err(Refusal::Unavailable) => &self.unavailable,
        }
        .inc();
        self.verification.observe(took);
    }

    pub(crate) fn checked_session(&self, refusal: Option<&SessionRefusal>) {
        let [accepted, ended, expired, unavailable] = &self.sessions;
        match refusal {
            None => accepted,
            Some(SessionRefusal::Ended) => ended,
            Some(SessionRefusal::Expired { .. }) => expired,
            Some(SessionRefusal::Unavailable) => unavailable,
        }
        .inc();
    }

    pub(crate) fn called_tool(&self, tool: &'static str, outcome: ToolOutcome) {
        let outcome = match outcome {
            ToolOutcome::Done => "done",
            ToolOutcome::Refused => "refused",
            ToolOutcome::Failed => "failed",
        };
        self.tools.get_or_create(&vec![("tool", tool), ("outcome", outcome)]).inc();
    }

    pub(crate) fn checked_access_token(&self, refusal: Option<&Refusal>) {
        let [accepted, refused, unavailable] = &self.access_tokens;
        match refusal {
            None => accepted,
            Some(Refusal::Unavailable) => unavailable,
            Some(Refusal::Unknown | Refusal::Expired { .. } | Refusal::CreatorInactive) => refused,
        }
        .inc();
    }

    pub(crate) fn answered(&self, status: StatusCode, took: Duration) {
        if let Some(counter) = self.requests.get(usize::from(status.as_u16() / 100).saturating_sub(1)) {
            counter.inc();
        }
        self.request.observe(took);
    }

    pub(crate) fn exposition(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}

/// Upper bounds of the buckets, in nanoseconds; the last is for everything above.
const BOUNDS: [u64; 16] = [
    100,
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    50_000,
    250_000,
    1_000_000,
    5_000_000,
    25_000_000,
    100_000_000,
    500_000_000,
    2_500_000_000,
    10_000_000_000,
];

/// A histogram of atomics: the library's takes a lock at each observation, and verification waits for nothing.
#[derive(Debug, Default)]
struct Histogram {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanos: AtomicU64,
}

impl Histogram {
    fn observe(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().position(|bound| nanos <= *bound).unwrap_or(BOUNDS.len());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }
}

/// Nanoseconds as seconds, for showing.
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

#[derive(Debug)]
struct Timing {
    name: &'static str,
    help: &'static str,
    histogram: Arc<Histogram>,
}

impl Collector for Timing {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let counts: Vec<u64> =
            self.histogram.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        let bounds = BOUNDS.iter().map(|bound| seconds(*bound)).chain([f64::MAX]);
        let buckets: Vec<(f64, u64)> = bounds.zip(counts.iter().copied()).collect();
        let sum = seconds(self.histogram.nanos.load(Ordering::Relaxed));
        encoder
            .encode_descriptor(self.name, self.help, Some(&Unit::Seconds), MetricType::Histogram)?
            .encode_histogram::<NoLabelSet>(sum, counts.iter().sum(), &buckets, None)
    }
}

/// What the process holds, read when it is asked for.
struct Held(Arc<App>);

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Held")
    }
}

impl Collector for Held {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let directory = self.0.directory();
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let gauges = [
            ("keys", "Keys that are held in memory, expired ones included", count(directory.keys())),
            ("users", "Users that are held in memory", count(directory.users())),
            ("directory_bytes", "Memory of the table of keys", count(directory.memory_bytes())),
            (
                "feed_lag_changes",
                "Changes that are committed and that verification does not know of yet",
                i64::try_from(self.0.feed_lag()).unwrap_or(i64::MAX),
            ),
            (
                "issuing_stopped",
                "Whether the operator has stopped the issuing of credentials: 1 if so",
                i64::from(directory.issuing().stop().is_some()),
            ),
            (
                "last_used_sweep_age_milliseconds",
                "Time since last use was written down",
                self.0.sweep_age().as_millis().try_into().unwrap_or(i64::MAX),
            ),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        let applied = ConstCounter::new(directory.sequence());
        applied.encode(encoder.encode_descriptor(
            "feed_sequence",
            "The last change that was applied",
            None,
            MetricType::Counter,
        )?)
    }
}
