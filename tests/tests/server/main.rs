//! The server through its doors: what it shows, what it survives and what others may rely on.

mod audit;
mod audit_tampering;
mod console_without_script;
mod damaged;
mod jwks;
mod metrics;
mod sqlite;
mod welcome;
