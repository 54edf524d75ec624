//! Where `cargo xtask test --only install` puts what the tests need.

use std::path::PathBuf;

/// The file of a tool, given from the folder of the tool's version; or what the variable names instead.
///
/// # Panics
/// If it is not installed.
pub fn find(tool: &str, file: &str, variable: &str) -> PathBuf {
    if let Some(path) = std::env::var_os(variable) {
        return path.into();
    }
    let program = std::env::current_exe().expect("this program is somewhere");
    let tools = program.ancestors().map(|folder| folder.join("tools")).find(|tools| tools.is_dir());
    let versions = tools.into_iter().flat_map(|tools| std::fs::read_dir(tools).into_iter().flatten());
    let versions = versions.flatten().map(|version| version.path());
    let versions = versions.filter(|folder| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        name.strip_prefix(tool).is_some_and(|version| version.starts_with('-'))
    });
    let files = versions.map(|folder| folder.join(file));
    files.filter(|file| file.exists()).max().unwrap_or_else(|| {
        panic!("there is no {file}: run `cargo xtask test --only install`, or set {variable}")
    })
}
