//! A process of its own for what is measured.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child as Process, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

/// This program, started once more. Ends when dropped.
pub(crate) struct Child {
    process: Process,
    output: BufReader<ChildStdout>,
}

impl Child {
    /// Starts it with hidden words.
    pub(crate) fn start<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let program = std::env::current_exe().context("cannot tell where this program is")?;
        let mut command = Command::new(program);
        let mut process = command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let output = process.stdout.take().context("its output is piped")?;
        Ok(Self { process, output: BufReader::new(output) })
    }

    /// The next line that it prints: the first means that it is ready.
    pub(crate) fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        ensure!(line.ends_with('\n'), "a measured process ended early");
        Ok(line.trim_end().to_owned())
    }

    /// The figures of its next line, which has tabs between them.
    pub(crate) fn figures(&mut self) -> Result<Vec<f64>> {
        self.line()?.split('\t').map(|figure| Ok(figure.parse()?)).collect()
    }

    /// The processor time of all its threads since they began. Not in `/proc/PID/stat`, which counts in steps of 10 ms.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let mut nanos = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            let times = fs::read_to_string(thread?.path().join("schedstat"))?;
            nanos += times.split(' ').next().context("a time")?.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanos))
    }

    /// Its memory in use now, in bytes.
    pub(crate) fn memory(&self) -> Result<f64> {
        memory_of(&self.process.id().to_string(), "VmRSS")
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // An error means that it ended by itself.
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// A figure of this process in `/proc/self/status`, in bytes: `VmRSS` is the memory in use now, `VmHWM` at the most.
pub(crate) fn memory(figure: &str) -> Result<f64> {
    memory_of("self", figure)
}

fn memory_of(process: &str, figure: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(figure)?.strip_prefix(':'));
    let kibibytes: f64 =
        line.and_then(|line| line.trim().strip_suffix(" kB")).context("a figure")?.parse()?;
    Ok(kibibytes * 1024.0)
}
