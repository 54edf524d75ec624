//! What is about SQLite's file: who opens it and who can read it, what older releases wrote into it, and what only its dialect can
//! say. It is tested on SQLite, whatever was chosen.

mod dialect;
mod opening;
mod schemas;
