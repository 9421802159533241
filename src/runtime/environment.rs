//! Where a process works: at AWS, with the user's keys and files; or in a demo cloud of its own,
//! with none of them.

use std::path::PathBuf;
use std::sync::Arc;

use super::colour;
use super::demo::DemoSession;
use super::relaunch;
use super::shell::Doors;
use super::trace::state_folder;
use crate::app::{Visit, Visits};
use crate::aws::{self, Access};
use crate::cli::Global;
use crate::config::Config;
use crate::headless::{Detail, Format};
use crate::ssh::{self, Dial, TcpDial};

/// Where answers of AWS are kept for a day.
const CACHE: &str = ".aws_cache";

/// Where a process works.
#[derive(Debug)]
pub(super) struct Environment {
    /// The command line, with the paths that hold here.
    pub global: Global,
    /// How AWS is reached.
    pub access: Access,
    /// How hosts are reached.
    pub dial: Arc<dyn Dial>,
    /// Where the user's ssh-agent listens.
    pub agent: Option<PathBuf>,
    /// The folder that `~/` stands for.
    pub home: Option<PathBuf>,
    /// Where answers of AWS are kept.
    pub cache: PathBuf,
    /// Whether more is told than people usually want to know: --verbose, or SPOT_DEBUG=1.
    pub debug: bool,
    /// What is looked at instead of the user's own fleet.
    pub visit: Option<Visit>,
    /// The demo that this is.
    pub demo: Option<DemoSession>,
}

impl Environment {
    /// The environment that the command line asks for. Needs a runtime around it. The error is for
    /// the user.
    pub(super) fn open(mut global: Global) -> Result<Self, String> {
        if global.demo.demo {
            let (demo, access, dial) = DemoSession::begin(&mut global)?;
            return Ok(Self {
                debug: debug() || global.verbose,
                global,
                access,
                dial,
                agent: None,
                home: Some(demo.folder().to_owned()),
                cache: demo.folder().join("cache"),
                visit: None,
                demo: Some(demo),
            });
        }
        if let Some(option) = global.demo.stray() {
            return Err(format!("{option} belongs to --demo and to demo-cloud"));
        }
        let visit = global.visit.as_deref().map(relaunch::visit).transpose()?;
        let elsewhere = visit.as_ref().and_then(|visit| visit.profile.clone());
        let access = Access {
            profile: elsewhere.or_else(|| global.profile.clone()),
            endpoint: global.endpoint_url.clone(),
            ..Access::default()
        };
        let home = directories::BaseDirs::new().map(|base| base.home_dir().to_owned());
        Ok(Self {
            debug: debug() || global.verbose,
            global,
            access,
            dial: Arc::new(TcpDial),
            agent: ssh::agent(),
            home,
            cache: CACHE.into(),
            visit,
            demo: None,
        })
    }

    /// The folder in which the arrangement of the screen is remembered; none in a demo.
    pub(super) fn memory(&self) -> Option<PathBuf> {
        if self.demo.is_some() { None } else { state_folder() }
    }

    /// Whether one signs in with a code from a device.
    pub(super) fn signs_in_here(&self) -> bool {
        self.demo.is_none() && aws::signs_in_here(self.access.profile.as_deref())
    }

    /// Where else one can look; nowhere in a demo, whose cloud ends with the process.
    pub(super) fn visits(&self) -> Option<Visits> {
        let home = || self.global.profile.clone().or_else(aws::named_profile);
        self.demo.is_none().then(|| Visits::new(aws::profiles(), home(), self.visit.clone()))
    }

    /// How an ssh of this machine gets to the hosts of a demo.
    pub(super) fn doors(&self) -> Option<Box<dyn Doors>> {
        self.demo.as_ref().map(DemoSession::doors)
    }

    /// How the lines of a command look.
    pub(super) fn format(&self, json: bool) -> Format {
        match (json, self.global.quiet, self.debug) {
            (true, ..) => Format::Json,
            (false, true, _) => Format::Lines(Detail::Quiet),
            (false, false, false) => Format::Lines(Detail::Usual),
            (false, false, true) => Format::Lines(Detail::Verbose),
        }
    }

    /// The same for a command that comes to an end: on a terminal how regions go on moves.
    pub(super) fn moving(&self, json: bool) -> Format {
        match self.format(json) {
            Format::Lines(Detail::Usual) if colour::draws() => Format::Lines(Detail::Moving),
            format => format,
        }
    }

    /// What has to be different in a configuration that is used here.
    pub(super) fn adapt(&self, config: &mut Config) {
        if let Some(files) = &self.global.files {
            config.aws.files_directory.clone_from(files);
        }
        if let Some(demo) = &self.demo {
            demo.adapt(config);
        }
    }
}

/// Whether SPOT_DEBUG asks for more log lines.
pub(super) fn debug() -> bool {
    std::env::var_os("SPOT_DEBUG").is_some_and(|value| value == "1")
}
