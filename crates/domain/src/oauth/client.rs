//! What an OAuth client says about itself, in a document of its own or when it registers.
