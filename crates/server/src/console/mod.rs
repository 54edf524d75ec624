//! The console: the pages on which people sign in and manage their keys.

pub mod view;
