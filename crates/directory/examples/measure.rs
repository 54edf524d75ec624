//! Measures the directory at 1,000, 100,000 and 1,000,000 keys, ten to a user:
//! `cargo run --release -p keystead-directory --example measure`.
//!
//! Tokens are presented in random order, one after another, each for the first time in its second, which is the dearest
//! case: nearly every look-up misses the processor's caches and notes a use. "hash" is SHA-256 of the same tokens alone,
//! "slowest" the change that waited longest, for a table to be copied.
#![expect(clippy::print_stdout, reason = "a program for people at a terminal")]
#![expect(clippy::disallowed_methods, reason = "nothing is kept: the tokens and ids end with the program")]
#![expect(clippy::expect_used, reason = "a measurement that cannot go on must stop")]
#![expect(clippy::cast_precision_loss, reason = "figures are printed with one decimal")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use keystead_directory::Directory;
use keystead_domain::{
    Change, Email, IdGenerator, KeyRecord, OrganizationId, PersonName, Role, User, UserId,
};
use keystead_token::{Prefix, Token, TokenRef};

const KEYS_PER_USER: usize = 10;
/// Each figure is the best of so many rounds: what else the machine does only ever adds.
const ROUNDS: i64 = 7;

fn main() {
    println!("                apply   slowest      hash    verify               unknown    memory");
    println!("     keys          ns        us        ns        ns     ratio        ns bytes/key");
    for keys in [1_000, 100_000, 1_000_000] {
        measure(keys);
    }
}

fn measure(keys: usize) {
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a timestamp");
    let ids = IdGenerator::default();
    let mut tokens = mint(keys);
    let unknown = mint(keys.min(100_000));
    let mut creator = UserId::from_u128(0);
    let mut changes = Vec::new();
    for (nth, token) in tokens.iter().enumerate() {
        if nth % KEYS_PER_USER == 0 {
            creator = ids.next(now, random());
            changes.push(Change::User(user(creator, now)));
        }
        changes.push(Change::Key(KeyRecord {
            id: ids.next(now, random()),
            hash: token.hash(),
            creator,
            allow_impersonation: false,
            expires_at: Some(now + SignedDuration::from_hours(24)),
            last_used_at: None,
        }));
    }
    let directory = Directory::new();
    let mut slowest = Duration::ZERO;
    let start = Instant::now();
    for (sequence, change) in (1..).zip(changes) {
        let start = Instant::now();
        directory.apply(sequence, change);
        slowest = slowest.max(start.elapsed());
    }
    let apply = start.elapsed().as_nanos() as f64 / keys as f64;

    shuffle(&mut tokens);
    let tokens = Presented::new(&tokens);
    let unknown = Presented::new(&unknown);
    let hash = tokens.time(|token, _| {
        black_box(token.hash());
    });
    let verify = tokens.time(|token, round| {
        let now = now + SignedDuration::from_secs(round);
        let verified = directory.verify(token, now).expect("a live key");
        black_box(verified.key);
    });
    let refuse = unknown.time(|token, _| {
        black_box(directory.verify(token, now).is_ok());
    });
    let (slowest, ratio) = (slowest.as_micros(), verify / hash);
    let memory = directory.memory_bytes() as f64 / keys as f64;
    println!(
        "{keys:>9} {apply:>11.0} {slowest:>9} {hash:>9.1} {verify:>9.1} {ratio:>9.2} {refuse:>9.1} {memory:>9.1}"
    );
}

/// Tokens one after another in memory, so that reading them costs the measurement no cache misses of its own.
struct Presented {
    text: String,
    length: usize,
}

impl Presented {
    fn new(tokens: &[Token]) -> Self {
        let text: String = tokens.iter().map(Token::expose).collect();
        let length = text.len() / tokens.len();
        Self { text, length }
    }

    fn time(&self, each: impl Fn(TokenRef<'_>, i64)) -> f64 {
        let tokens: Vec<_> = (0..self.text.len())
            .step_by(self.length)
            .map(|at| TokenRef::parse(&self.text[at..at + self.length]).expect("a token"))
            .collect();
        let round = |round| {
            let start = Instant::now();
            for token in &tokens {
                each(*token, round);
            }
            start.elapsed().as_nanos() as f64 / tokens.len() as f64
        };
        (1..=ROUNDS).map(round).fold(f64::INFINITY, f64::min)
    }
}

fn mint(count: usize) -> Vec<Token> {
    let prefix = Prefix::key_default();
    std::iter::repeat_with(|| Token::mint(&prefix, &random())).take(count).collect()
}

fn user(id: UserId, now: Timestamp) -> User {
    let email = Email::from_stored(format!("{id}@example.com"));
    let name = PersonName::from_stored("Ada".to_owned());
    User::new(id, OrganizationId::from_u128(1), email, name, true, now, vec![Role::Member])
}

fn shuffle<T>(items: &mut [T]) {
    for last in (1..items.len()).rev() {
        let random = usize::from_ne_bytes(random());
        items.swap(last, random % (last + 1));
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system's generator");
    bytes
}
