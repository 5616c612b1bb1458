//! The one thing that may be typed into, or has to be answered. While there is a prompt, no
//! action key works.

use tui_input::{Input, InputRequest};

use super::{Effect, Model, Row, Tone};
use crate::ipvs::{ServerKey, ServiceKey};
use crate::plan::{Danger, Plan, WeightEdit, WeightError, dangers};

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
    /// A plan that can cause an outage, with Cancel as the answer that is ready.
    Confirm {
        /// The plan.
        plan: Plan,
        /// Why it is asked.
        dangers: Vec<Danger>,
        /// Whether "apply" is chosen.
        apply: bool,
    },
}

impl Prompt {
    /// Whether it asks about `row`.
    pub fn is_about(&self, row: &Row) -> bool {
        match self {
            Self::Weight { service, server, .. } => *row == Row::Server(*service, *server),
            Self::Confirm { plan, .. } => plan.changes.iter().any(|change| {
                let server = change.server().zip(change.service());
                server.map(|(server, service)| Row::Server(service, server)) == Some(*row)
            }),
        }
    }

    /// Whether keys are text.
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Weight { .. })
    }
}

impl Model {
    /// The longest text that makes sense as a weight.
    const LONGEST: usize = 16;

    pub(super) fn ask_weight(&mut self) {
        let Some((service, server)) = self.selected_server() else {
            self.say(Tone::Info, "select a real server first: weights belong to servers");
            return;
        };
        let (input, wrong) = (Input::default(), None);
        self.prompt = Some(Prompt::Weight { service, server, input, wrong });
    }

    pub(super) fn typed(&mut self, request: InputRequest) {
        match &mut self.prompt {
            Some(Prompt::Weight { input, wrong, .. }) => {
                let full = input.value().len() >= Self::LONGEST;
                if !(full && matches!(request, InputRequest::InsertChar(_))) {
                    input.handle(request);
                }
                *wrong = None;
            }
            Some(Prompt::Confirm { apply, .. }) => match request {
                InputRequest::InsertChar('y' | 'Y') => *apply = true,
                InputRequest::InsertChar('n' | 'N') => self.prompt = None,
                InputRequest::GoToPrevChar | InputRequest::GoToNextChar => *apply = !*apply,
                _ => {}
            },
            None => {}
        }
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
            Some(Prompt::Confirm { plan, apply: true, .. }) => self.apply_now(plan),
            Some(Prompt::Confirm { .. }) => {
                self.say(Tone::Info, "cancelled; nothing was changed");
                Vec::new()
            }
            None => Vec::new(),
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
        let weight = edit.of(known.weight).map_err(|e| e.to_string())?;
        Ok(self.propose(Plan::weight(service, &known, weight)))
    }

    /// Applies a harmless plan at once and asks about any other.
    pub(super) fn propose(&mut self, plan: Plan) -> Vec<Effect> {
        let dangers = self.snapshot.as_ref().map(|s| dangers(&plan, s)).unwrap_or_default();
        if dangers.is_empty() {
            return self.apply_now(plan);
        }
        self.prompt = Some(Prompt::Confirm { plan, dangers, apply: false });
        Vec::new()
    }
}
