//! The one thing that may be typed into, or has to be answered. While there is a prompt, no
//! action key works.

use tui_input::{Input, InputRequest};

use super::act::noted;
use super::{Column, Effect, Form, Model, Page, Row, Sieve, Tone};
use crate::ipvs::{SCHEDULERS, SchedulerName, ServerKey, Service, ServiceFlags, ServiceKey};
use crate::journal::acts;
use crate::plan::{Plan, WeightEdit, WeightError};

/// What may be typed into, or has to be answered.
#[derive(Debug)]
pub enum Prompt {
    /// The weight of one server.
    Weight {
        /// Its service.
        service: ServiceKey,
        /// The server.
        server: ServerKey,
        /// What was typed so far.
        input: Input,
        /// Why what was typed last is no weight.
        wrong: Option<String>,
    },
    /// A time in a recording.
    Time {
        /// What was typed so far.
        input: Input,
        /// Why what was typed last is no time.
        wrong: Option<String>,
    },
    /// The scheduler of a service.
    Scheduler {
        /// The service as it would become.
        service: Service,
        /// Which of [`SCHEDULERS`] is chosen.
        chosen: usize,
    },
    /// What rows or lines have to be in order to show; they follow while it is typed.
    Filter {
        /// What was typed so far.
        input: Input,
        /// Why it cannot be read; what shows is then still what could be.
        wrong: Option<String>,
        /// What it is for.
        sieve: Sieve,
    },
    /// Whether the whole connection table shall be read.
    WholePass,
    /// A command, by some letters of its name or of what it does.
    Palette {
        /// What was typed so far.
        input: Input,
        /// Which of [`Model::found`] is chosen.
        chosen: usize,
    },
    /// The table's columns.
    Columns {
        /// Every column in order, and whether it is shown.
        all: Vec<(Column, bool)>,
        /// Which of them the cursor is on.
        chosen: usize,
    },
    /// The fields of a service, a server or the protocol timeouts.
    Form(Box<Form>),
    /// A plan before it is applied.
    Page(Box<Page>),
}

impl Prompt {
    /// Whether it asks about `row`.
    pub fn is_about(&self, row: &Row) -> bool {
        match self {
            Self::Weight { service, server, .. } => *row == Row::Server(*service, *server),
            Self::Scheduler { service, .. } => *row == Row::Service(service.key),
            Self::Time { .. }
            | Self::Filter { .. }
            | Self::WholePass
            | Self::Palette { .. }
            | Self::Columns { .. } => false,
            Self::Form(form) => form.is_about(row),
            Self::Page(page) => page.plan().changes.iter().any(|change| {
                let server = change.server().zip(change.service());
                server.map(|(server, service)| Row::Server(service, server)) == Some(*row)
            }),
        }
    }

    /// Whether pasted text goes into it. A choice would take it for keys.
    fn takes_paste(&self) -> bool {
        match self {
            Self::Form(form) => form.is_on_text(),
            other => other.is_text(),
        }
    }

    /// Whether keys are text.
    pub fn is_text(&self) -> bool {
        matches!(
            self,
            Self::Weight { .. }
                | Self::Time { .. }
                | Self::Filter { .. }
                | Self::Palette { .. }
                | Self::Form(_)
        )
    }
}

impl Model {
    /// The longest text that makes sense as a weight.
    const LONGEST: usize = 16;
    /// No prompt takes more characters than this.
    const LONGEST_PASTE: usize = 1_000;

    pub(super) fn ask_weight(&mut self) {
        let Some((service, server)) = self.selected_server() else {
            self.say(Tone::Info, "select a real server first: weights belong to servers");
            return;
        };
        let (input, wrong) = (Input::default(), None);
        self.prompt = Some(Prompt::Weight { service, server, input, wrong });
    }

    pub(super) fn typed(&mut self, request: InputRequest) -> Vec<Effect> {
        match &mut self.prompt {
            Some(Prompt::Weight { input, wrong, .. }) => {
                let full = input.value().len() >= Self::LONGEST;
                if !(full && matches!(request, InputRequest::InsertChar(_))) {
                    input.handle(request);
                }
                *wrong = None;
            }
            Some(Prompt::Scheduler { service, .. }) => match request {
                InputRequest::InsertChar('f') => service.flags.toggle(ServiceFlags::SCHED1),
                InputRequest::InsertChar('p') => service.flags.toggle(ServiceFlags::SCHED2),
                InputRequest::InsertChar('j') => self.choose(1),
                InputRequest::InsertChar('k') => self.choose(-1),
                _ => {}
            },
            Some(Prompt::Time { .. }) => self.typed_in_time(request),
            Some(Prompt::Filter { .. }) => self.typed_in_filter(request),
            Some(Prompt::Palette { .. }) => self.typed_in_palette(request),
            Some(Prompt::Columns { .. }) => return self.typed_in_columns(request),
            Some(Prompt::Form(form)) => form.typed(request),
            Some(Prompt::Page(_)) => return self.typed_on_page(request),
            Some(Prompt::WholePass) | None => {}
        }
        Vec::new()
    }

    /// Takes what was pasted where it would be typed, its first line only. It may be anything: it
    /// is no key, and answers nothing.
    pub(super) fn paste(&mut self, text: &str) -> Vec<Effect> {
        if !self.prompt.as_ref().is_some_and(Prompt::takes_paste) {
            let text = "nothing was done with what was pasted: here keys are commands, and no text \
                        is asked for";
            self.say(Tone::Info, text);
            return Vec::new();
        }
        let line = text.split(['\n', '\r']).find(|line| !line.is_empty()).unwrap_or_default();
        // Words that a tab parts stay apart.
        let line = line.replace('\t', " ");
        let chars = line.chars().filter(|c| !acts(*c)).take(Self::LONGEST_PASTE);
        chars.flat_map(|c| self.typed(InputRequest::InsertChar(c))).collect()
    }

    /// Another answer.
    pub(super) fn choose(&mut self, by: isize) {
        match &mut self.prompt {
            Some(Prompt::Form(form)) => form.next(by),
            Some(Prompt::Page(_)) => self.choose_on_page(by),
            Some(Prompt::Scheduler { chosen, .. }) => {
                *chosen = chosen.saturating_add_signed(by).min(SCHEDULERS.len() - 1);
            }
            Some(Prompt::Palette { .. }) => self.choose_in_palette(by),
            Some(Prompt::Columns { .. }) => self.choose_column(by),
            Some(
                Prompt::Weight { .. }
                | Prompt::Time { .. }
                | Prompt::Filter { .. }
                | Prompt::WholePass,
            )
            | None => {}
        }
    }

    /// Asks which scheduler the selected service, or the selected server's, shall have.
    pub(super) fn ask_scheduler(&mut self) {
        let row = self.rows.selected();
        let entry = row.and_then(|row| self.snapshot.as_ref()?.service(&row.service()));
        let Some(service) = entry.map(|e| e.service.clone()) else {
            self.say(Tone::Info, "select a service first, or one of its servers");
            return;
        };
        let present = SCHEDULERS.iter().position(|s| s.name == service.scheduler.as_str());
        let chosen = present.unwrap_or(0);
        self.prompt = Some(Prompt::Scheduler { service, chosen });
    }

    /// The plan for what was chosen: the whole service, so that persistence, engine, netmask,
    /// one-packet and flags survive the switch.
    fn chosen_scheduler(&mut self, wanted: &Service, chosen: usize) -> Vec<Effect> {
        let name = SCHEDULERS.get(chosen).and_then(|s| SchedulerName::new(s.name).ok());
        let entry = self.snapshot.as_ref().and_then(|s| s.service(&wanted.key));
        let (Some(scheduler), Some(entry)) = (name, entry) else {
            self.say(Tone::Error, format!("service {} is gone", wanted.key));
            return Vec::new();
        };
        let before = entry.service.clone();
        let after = Service { scheduler, flags: wanted.flags, ..before.clone() };
        if after.same_config(&before) {
            self.say(Tone::Info, format!("the scheduler of {} stays as it is", wanted.key));
            return Vec::new();
        }
        let plan = Plan::service(before, after);
        let able = self.abilities();
        if let Some(refused) = plan.changes.iter().find_map(|change| able.check(change).err()) {
            self.say(Tone::Error, format!("the scheduler stays as it is: {refused}"));
            self.prompt = Some(Prompt::Scheduler { service: wanted.clone(), chosen });
            return Vec::new();
        }
        self.propose(plan)
    }

    pub(super) fn accept(&mut self) -> Vec<Effect> {
        match self.prompt.take() {
            Some(Prompt::Weight { service, server, input, .. }) => {
                match self.typed_weight(service, server, input.value()) {
                    Ok(effects) => effects,
                    Err(wrong) => {
                        let wrong = Some(wrong);
                        self.prompt = Some(Prompt::Weight { service, server, input, wrong });
                        Vec::new()
                    }
                }
            }
            Some(Prompt::Time { input, .. }) => self.accept_time(input),
            Some(Prompt::Scheduler { service, chosen }) => self.chosen_scheduler(&service, chosen),
            Some(Prompt::Filter { input, sieve, .. }) => {
                self.keep_filter(input, sieve);
                Vec::new()
            }
            Some(Prompt::WholePass) => self.read_whole(),
            Some(Prompt::Palette { input, chosen }) => self.run_chosen(input.value(), chosen),
            Some(Prompt::Form(form)) => self.accept_form(form),
            Some(Prompt::Page(page)) => self.accept_page(page),
            Some(Prompt::Columns { .. }) | None => Vec::new(),
        }
    }

    fn typed_weight(
        &mut self,
        service: ServiceKey,
        server: ServerKey,
        text: &str,
    ) -> Result<Vec<Effect>, String> {
        let edit: WeightEdit = text.parse().map_err(|e: WeightError| e.to_string())?;
        if self.rows.marked().next().is_some() {
            return self.set_weights(edit);
        }
        let row = Row::Server(service, server);
        let known = self.expected(&service, &server).ok_or_else(|| format!("{row} is gone"))?;
        let wanted = self.wanted(edit, &[(service, known.clone())])?;
        let weight = wanted.changes.first().map_or(known.weight, |(.., weight)| *weight);
        let plan = Plan::weight(service, &known, weight);
        Ok(self.propose(noted(plan, &wanted.notes)))
    }
}
