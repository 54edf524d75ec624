//! Running other programs: each is shown before it runs, and a failure names it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result, ensure};

/// Runs `command` with its output on this program's.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    show(command);
    let status = command.stdin(Stdio::null()).status().with_context(|| cannot_start(command))?;
    check(command, status)
}

/// Runs `command` and returns what it printed on its standard output.
pub(crate) fn capture(command: &mut Command) -> Result<Vec<u8>> {
    show(command);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| cannot_start(command))?;
    check(command, output.status)?;
    Ok(output.stdout)
}

/// Runs `command`, prints each line of its standard output as it comes, and hands it to `each_line`.
pub(crate) fn stream(command: &mut Command, mut each_line: impl FnMut(&str)) -> Result<()> {
    show(command);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = child.with_context(|| cannot_start(command))?;
    let mut output = BufReader::new(child.stdout.take().context("the child's output is piped")?);
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        print!("{text}");
        each_line(text.trim_end());
        line.clear();
    }
    check(command, child.wait()?)
}

fn show(command: &Command) {
    println!("$ {}", display(command));
}

fn check(command: &Command, status: ExitStatus) -> Result<()> {
    ensure!(status.success(), "`{}` failed ({status})", display(command));
    Ok(())
}

fn cannot_start(command: &Command) -> String {
    format!("cannot start `{}`: is it installed?", display(command))
}

/// The command as a person would type it: the program without its folder, then its arguments.
fn display(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
