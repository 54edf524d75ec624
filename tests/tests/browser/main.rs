//! What people see and do in a real browser. One program for all pages: a program for each costs the linker, and the
//! disk, a copy of the server every time.

mod access;
mod accessibility;
mod account;
mod audit;
mod budget;
mod connected_apps;
mod email_access;
mod embed;
mod keys;
mod list;
mod settings;
mod snippets;
mod users;
mod users_access;
mod without_script;
