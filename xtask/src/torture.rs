//! The programs that break the pipeline on purpose: a short share for every test run.

use std::path::PathBuf;

use crate::chore::{run, target};

/// Built together, so that the server knows the points at which it may be asked to die.
pub(crate) struct Torture(PathBuf);

impl Torture {
    pub(crate) fn build(release: bool) -> anyhow::Result<Self> {
        let mut args = vec!["build", "--locked", "--package", "weir", "--package", "weir-torture"];
        args.extend(release.then_some("--release"));
        run(".", "cargo", &args)?;
        Ok(Self(target().join(if release { "release" } else { "debug" }).join("torture")))
    }

    /// Where the other program that was built is.
    pub(crate) fn beside(&self, name: &str) -> String {
        self.0.with_file_name(name).to_string_lossy().into_owned()
    }

    pub(crate) fn run(&self, args: &[&str]) -> anyhow::Result<()> {
        run(".", &self.0.to_string_lossy(), args)
    }
}

/// The same for everybody: small, and repeatable by its seed. `cargo xtask soak` goes on from here.
pub(crate) fn share() -> anyhow::Result<()> {
    let torture = Torture::build(false)?;
    torture.run(&["power-cuts", "--seed", "1", "--cuts", "1000"])?;
    torture.run(&["mistakes", "--seed", "1"])?;
    torture.run(&["kills", "--seed", "1", "--cycles", "60"])
}
