//! `ipvs-tui connections`.

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, ValueEnum};

use super::{Cli, DemoOptions, namespace};
use crate::connections::Filter;
use crate::kernel::netlink::Namespace;
use crate::report::connections::Form;

/// What of the connection table is printed, and how.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct ListOptions {
    /// Only rows that match all of these; ! negates one.
    #[arg(value_name = "FILTER")]
    pub filter: Vec<String>,

    /// In which form.
    #[arg(long, value_enum, default_value = "text")]
    pub format: ListFormat,

    /// Read all of the table, whatever it costs. Up to kernel 6.12 that grows with the square of
    /// the connections; what it will cost is told before it begins, and Ctrl-C ends it.
    #[arg(long)]
    pub full: bool,

    /// Tell where rows came from, this director or another one's sync daemon, instead of what
    /// persistence engines keep.
    #[arg(long)]
    pub origin: bool,

    /// Look at another network namespace: a name of `ip netns`, or a path.
    #[arg(long, value_name = "NAME|PATH", value_parser = namespace, conflicts_with = "demo")]
    pub netns: Option<Namespace>,

    /// Print the embedded director's connections instead of the kernel's.
    #[arg(long)]
    pub demo: bool,

    /// What the embedded director looks like.
    #[command(flatten)]
    pub of: DemoOptions,
}

const AFTER_HELP: &str = "\
Filters:
  10.9.0.0/16, client:10.9.0.2      clients, by network or address, :PORT as well
  service:10.0.0.1:80, service:fwm/5, server:10.1.1.2
  state:syn_recv, state:opening     the kernel's words; or opening, closing, ended
  proto:udp, expires>60, expires<=2m
  is:template, is:connection, is:orphan, is:invalid, is:waiting, is:ftp-data
  is:ipv4, is:ipv6
  pe:CALL-ID, pe:any, origin:sync, origin:local

Without --full at most 0.2 s of CPU are spent, less where connections_budget in
the settings is below 0.7%. What is printed is a sample then, unless the table is
small; standard error tells.";

/// The forms of `ipvs-tui connections`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// The columns of `ipvsadm -Lnc`.
    Text,
    /// Everything, with units in the names.
    Json,
    /// For spreadsheets.
    Csv,
}

/// What of the connection table is printed, checked.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Which rows.
    pub filter: Option<Filter>,
    /// In which form.
    pub form: Form,
    /// All of the table.
    pub full: bool,
    /// Where rows came from, and not what engines keep.
    pub origins: bool,
    /// The network namespace.
    pub netns: Option<Namespace>,
    /// The embedded director, if it shall be one.
    pub demo: Option<DemoOptions>,
}

impl ListOptions {
    /// What is wanted, as far as the command line alone tells.
    ///
    /// # Errors
    /// What cannot be read, to be printed with the usage.
    pub fn wanted(self) -> Result<Listed, clap::Error> {
        let wrong = |why: String| {
            let mut cli = Cli::command();
            cli.build();
            match cli.find_subcommand_mut("connections") {
                Some(verb) => verb.error(ErrorKind::ValueValidation, why),
                None => cli.error(ErrorKind::ValueValidation, why),
            }
        };
        let filter = Filter::read(&self.filter.join(" ")).map_err(wrong)?;
        let origins = self.origin || filter.as_ref().is_some_and(Filter::wants_origin);
        if origins && filter.as_ref().is_some_and(Filter::wants_engine) {
            let why = "the kernel tells either where rows came from or what engines keep";
            return Err(wrong(why.to_owned()));
        }
        let form = match self.format {
            ListFormat::Text => Form::Text,
            ListFormat::Json => Form::Json,
            ListFormat::Csv => Form::Csv,
        };
        let demo = self.demo.then_some(self.of);
        Ok(Listed { filter, form, full: self.full, origins, netns: self.netns, demo })
    }
}
