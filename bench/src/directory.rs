//! A verification in the process against SHA-256 of the same tokens alone, and what a key takes of memory.
//!
//! Tokens are presented in random order, one after another, each for the first time in its second, which is the dearest
//! case: at a million keys every look-up misses the processor's caches and notes a use.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use jiff::{SignedDuration, Timestamp};
use keystead_directory::Directory;
use keystead_domain::{
    Assignment, Assignments, Change, Email, EmailAccess, IdGenerator, KeyPolicy, KeyRecord, Organization,
    OrganizationId, OrganizationName, OrganizationRecord, PersonName, RoleId, UserId, UserRecord,
};
use keystead_token::TokenRef;

use crate::child::{Child, memory};
use crate::fill::{mint, random};
use crate::report::Spread;

const KEYS_PER_USER: usize = 10;
/// Applied at once, between tokens being made.
const BATCH: usize = 10_000;
/// Each figure of a process is the best of so many rounds: what else the machine does only ever adds.
const ROUNDS: i64 = 7;
/// Processes for each size.
const REPEATED: usize = 5;

pub(crate) fn run() -> Result<()> {
    println!(
        "{KEYS_PER_USER} keys to a user; {REPEATED} processes each, the best of {ROUNDS} rounds in each; median (least to greatest)\n"
    );
    println!(
        "| keys | SHA-256 ns | SHA-256 and one uncached read ns | verify ns | verify / SHA-256 | verify / (SHA-256 and read) \
         | unknown token ns | table bytes a key | RSS bytes a key | apply ns a key | slowest change µs |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for keys in [1_000, 100_000, 1_000_000] {
        let mut rows = Vec::new();
        for _ in 0..REPEATED {
            rows.push(Child::start(["hold", &keys.to_string()])?.figures()?);
        }
        let spread =
            |nth: usize, digits| Spread::new(rows.iter().filter_map(|row| row.get(nth)).copied(), digits);
        let ratio = |of: usize, to: usize| Spread::new(rows.iter().map(|row| row[of] / row[to]), 2);
        println!(
            "| {keys} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            spread(0, 0),
            spread(1, 0),
            spread(2, 0),
            ratio(2, 0),
            ratio(2, 1),
            spread(3, 0),
            spread(4, 0),
            spread(5, 0),
            spread(6, 0),
            spread(7, 0),
        );
    }
    Ok(())
}

/// Holds so many keys and prints the figures of a row.
pub(crate) fn hold(keys: usize) -> Result<()> {
    let now: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    let mut tokens = Presented::with_room(keys)?;
    let before = memory("VmRSS")?;
    let directory = Directory::new([]);
    // As a start does.
    directory.reserve(keys);
    let applied = fill(&directory, keys, now, &mut tokens)?;
    let resident = (memory("VmRSS")? - before) / keys as f64;

    tokens.shuffle()?;
    let mut unknown = Presented::with_room(keys.min(100_000))?;
    for token in mint(unknown.room())? {
        unknown.push(token.expose());
    }
    let lines: Vec<Line> = (0..keys).map(|nth| Line([nth as u64; 8])).collect();
    let hash = tokens.time(|token, _| {
        black_box(token.hash());
        true
    })?;
    let read = tokens.time(|token, _| {
        let hash = token.hash();
        let (words, _) = hash.as_bytes().as_chunks::<8>();
        let at = (u128::from(u64::from_ne_bytes(words[0])) * lines.len() as u128) >> 64;
        usize::try_from(at).is_ok_and(|at| black_box(&lines[at]).0[0] == at as u64)
    })?;
    let verify = tokens.time(|token, round| {
        let now = now + SignedDuration::from_secs(round);
        directory.verify(token, now).is_ok_and(|verified| black_box(verified.key).as_u128() > 0)
    })?;
    let refuse = unknown.time(|token, _| directory.verify(token, now).is_err())?;
    let table = directory.memory_bytes() as f64 / keys as f64;
    let (apply, slowest) = (applied.mean, applied.slowest.as_micros());
    println!("{hash}\t{read}\t{verify}\t{refuse}\t{table}\t{resident}\t{apply}\t{slowest}");
    Ok(())
}

/// A cache line.
#[repr(align(64))]
struct Line([u64; 8]);

struct Applied {
    /// Nanoseconds a key, that of users included.
    mean: f64,
    /// The change that waited longest: for a table to be copied.
    slowest: Duration,
}

fn fill(directory: &Directory, keys: usize, now: Timestamp, tokens: &mut Presented) -> Result<Applied> {
    let ids = IdGenerator::default();
    directory.apply(0, Change::Organization(Box::new(organization(now))));
    let (mut total, mut slowest) = (Duration::ZERO, Duration::ZERO);
    let mut sequence = 0;
    for first in (0..keys).step_by(BATCH) {
        let mut changes = Vec::with_capacity(BATCH + BATCH / KEYS_PER_USER);
        let mut creator = UserId::from_u128(0);
        for (nth, token) in mint(BATCH.min(keys - first))?.iter().enumerate() {
            if nth % KEYS_PER_USER == 0 {
                creator = ids.next(now, random()?);
                changes.push(Change::User(user(creator, now)));
            }
            changes.push(Change::Key(KeyRecord {
                id: ids.next(now, random()?),
                hash: token.hash(),
                creator,
                allow_impersonation: false,
                expires_at: Some(now + SignedDuration::from_hours(24)),
                session_epoch: 0,
                last_used_at: None,
            }));
            tokens.push(token.expose());
        }
        let start = Instant::now();
        for change in changes {
            sequence += 1;
            let start = Instant::now();
            directory.apply(sequence, change);
            slowest = slowest.max(start.elapsed());
        }
        total += start.elapsed();
    }
    Ok(Applied { mean: total.as_nanos() as f64 / keys as f64, slowest })
}

fn organization(now: Timestamp) -> OrganizationRecord {
    OrganizationRecord {
        organization: Organization {
            id: OrganizationId::from_u128(1),
            name: OrganizationName::from_stored("Bench".to_owned()),
            created_at: now,
            archived_at: None,
        },
        policy: KeyPolicy::default(),
        email_access: EmailAccess::default(),
        roles: Vec::new(),
        groups: Vec::new(),
    }
}

fn user(id: UserId, now: Timestamp) -> UserRecord {
    let email = Email::from_stored(format!("{id}@example.com"));
    let name = PersonName::from_stored("Ada".to_owned());
    UserRecord {
        id,
        organization: OrganizationId::from_u128(1),
        email,
        name,
        active: true,
        created_at: now,
        assignments: Assignments::from_iter([Assignment::everywhere(RoleId::MEMBER)]),
        groups: Vec::new(),
    }
}

/// Tokens one after another in memory, so that reading them costs the measurement no cache misses of its own.
struct Presented {
    text: Vec<u8>,
    length: usize,
    filled: usize,
}

impl Presented {
    /// Its memory is written at once: none is added while the directory's is measured.
    fn with_room(tokens: usize) -> Result<Self> {
        let [token] = &mint(1)?[..] else { bail!("one token was asked for") };
        let length = token.expose().len();
        Ok(Self { text: vec![b'0'; tokens * length], length, filled: 0 })
    }

    fn room(&self) -> usize {
        self.text.len() / self.length
    }

    fn push(&mut self, token: &str) {
        let at = self.filled * self.length;
        self.text[at..at + self.length].copy_from_slice(token.as_bytes());
        self.filled += 1;
    }

    fn shuffle(&mut self) -> Result<()> {
        for last in (1..self.room()).rev() {
            let other = usize::from_ne_bytes(random()?) % (last + 1);
            if other != last {
                let (front, back) = self.text.split_at_mut(last * self.length);
                front[other * self.length..][..self.length].swap_with_slice(&mut back[..self.length]);
            }
        }
        Ok(())
    }

    /// Nanoseconds for each token, in the best round. `each` is told the round, and says whether all is as it should be.
    fn time(&self, each: impl Fn(TokenRef<'_>, i64) -> bool) -> Result<f64> {
        let text = std::str::from_utf8(&self.text)?;
        let tokens: Vec<_> = (0..text.len())
            .step_by(self.length)
            .map(|at| TokenRef::parse(&text[at..at + self.length]))
            .collect::<Result<_, _>>()?;
        let mut best = f64::INFINITY;
        for round in 1..=ROUNDS {
            let start = Instant::now();
            let right = tokens.iter().filter(|token| each(**token, round)).count();
            best = best.min(start.elapsed().as_nanos() as f64 / tokens.len() as f64);
            if right != tokens.len() {
                bail!("{} of {} answers are wrong", tokens.len() - right, tokens.len());
            }
        }
        Ok(best)
    }
}
