//! What is about a store in a folder: the folder itself and its socket, backups of it, copies of it into PostgreSQL and back, and
//! `serve --demo`, which makes one. It is tested on SQLite, whatever was chosen.

mod backup;
mod demo;
mod folder;
mod impersonation;
mod replay;
mod restore;
mod socket;
mod store_copy;
