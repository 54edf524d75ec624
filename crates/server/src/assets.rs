//! The console's style, script and pictures: inside the binary, named by their content, cached for ever.
