//! What would go where, and why: the line walked without a request. The same stages are asked in the same order, and nothing
//! of the request is ever sent; at most providers are asked which models they have, as the line would ask them.

mod target;
mod words;

use config::Snapshot;
use config::snapshot::{PathRule, UnknownModel};
use http::Method;
use protocol::fault::Kind;
use protocol::operation::{self, PathProblem};

use crate::Gateway;
use crate::error::ApiError;
use crate::intake::{self, Imagined};
use crate::route::{Outlook, Reason, Target, Wish, outlook};
use crate::standing::Overridden;
use crate::{listing, stored, upstream};

pub use target::{ExplainedTarget, When};

/// A request that is not made.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its path in any spelling, with or without a query.
    pub target: &'a str,
    /// The model it names, where no body says so.
    pub model: Option<&'a str>,
    /// Its JSON body.
    pub body: Option<&'a [u8]>,
}

/// The way of a request that was not made.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The operation its path and method mean; none: the path leads nowhere.
    pub operation: Option<&'static str>,
    /// The language it is asked in.
    pub dialect: String,
    /// The one model it names, if its operation looks at that.
    pub model: Option<String>,
    /// The path rule that holds for it, as written.
    pub path_rule: Option<String>,
    /// The name or pattern under `models` that fits, as written.
    pub name_rule: Option<String>,
    /// Nobody wrote where unknown models go: what a server beside us has is kept from clouds.
    pub careful: bool,
    /// An unknown name would go to a cloud, but may be one of a server beside us that has not said which it has, and so stays here.
    pub kept_here: bool,
    /// Where it would go, or the error the caller would read.
    pub way: Result<Way, Refused>,
    /// How one of several targets is chosen, in its word; none: nobody would be asked.
    pub strategy: Option<&'static str>,
    /// Every target that would be asked, in that order, each when those before it cannot answer.
    pub targets: Vec<ExplainedTarget>,
    /// Every provider, in order of preference, and what speaks for or against it.
    pub places: Vec<Place>,
}

/// Where it would go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Way {
    /// Nowhere: this gateway answers out of memory.
    Here {
        /// The provider that answers instead when the caller shows a key of its own.
        but: Option<String>,
    },
    /// To a provider.
    There {
        /// Its name.
        provider: String,
        /// Its own name for the model, if one is named.
        model: Option<String>,
        /// Why this one.
        reason: Reason,
    },
}

/// The error the caller would read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Its status.
    pub status: u16,
    /// Its code.
    pub code: &'static str,
    /// Its text.
    pub say: String,
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        let meaning = error.kind.meaning();
        Self { status: meaning.status.as_u16(), code: meaning.code, say: error.say.into_owned() }
    }
}

/// A provider, seen from this request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// Its name.
    pub provider: String,
    /// The kind of service.
    pub kind: String,
    /// Whether it usually runs beside us: what is meant for it never goes to a cloud by itself (D-15).
    pub local: bool,
    /// The higher, the earlier it is tried.
    pub priority: i64,
    /// Whether it speaks the operation.
    pub serves: bool,
    /// Whether its kind speaks the operation and only its `capabilities` do not allow it.
    pub limited: bool,
    /// Whether it has the model, as its configuration or it itself says; `None`: it has not been asked, or did not answer.
    pub has: Option<bool>,
    /// Whether it was asked for its models in vain.
    pub silent: bool,
    /// Whether the configuration leads the model there.
    pub written: bool,
    /// Whether the rule for the path names it.
    pub path_rule: bool,
    /// What somebody said of it by hand, as long as it holds.
    pub overridden: Option<Overridden>,
}

impl Question<'_> {
    /// The method a path is usually asked with: POST, or GET where it knows no POST.
    pub fn usual_method(target: &str) -> Method {
        let path = target.split('?').next().unwrap_or(target);
        match operation::find(&Method::POST, path) {
            Err(PathProblem::Method(_)) => Method::GET,
            _ => Method::POST,
        }
    }
}

impl Gateway {
    /// Explains a request; where the line would ask providers which models they have, they are asked.
    pub async fn explain(&self, question: &Question<'_>) -> Explanation {
        let world = self.world();
        if let Ok(call) = intake::imagine(question.method, question.target, question.model, question.body)
            && upstream::discover::depends(&world, call.row, call.model.as_ref())
        {
            upstream::discover::refresh(self, &world, call.model.as_deref()).await;
        }
        self.explain_from_memory(question)
    }

    /// Explains a request by what is known now; nobody is asked anything.
    pub fn explain_from_memory(&self, question: &Question<'_>) -> Explanation {
        let world = self.world();
        let dialect = protocol::operation::dialect_of(question.target).to_string();
        match intake::imagine(question.method, question.target, question.model, question.body) {
            Err(error) => Explanation {
                operation: None,
                dialect,
                model: None,
                path_rule: None,
                name_rule: None,
                careful: world.routing.careful,
                kept_here: false,
                way: Err(error.into()),
                strategy: None,
                targets: Vec::new(),
                places: Vec::new(),
            },
            Ok(call) => self.walked(&world, &call),
        }
    }

    fn walked(&self, world: &Snapshot, call: &Imagined) -> Explanation {
        let wish = Wish::from(call);
        let kept = stored::is_ours(call.row.operation, &call.rest);
        let seen = if call.row.ours || kept {
            let but = listing::whose(world).filter(|_| !kept).map(str::to_owned);
            let known = listing::known(world, &self.catalogue, call.path_model.as_deref());
            known.map(|()| (Ok(Way::Here { but }), None))
        } else {
            outlook(world, self.known(), &wish).map(|seen| (self.there(&seen), Some(seen)))
        };
        let (way, seen) = match seen {
            Ok((way, seen)) => (way, seen),
            Err(error) => (Err(error), None),
        };
        let elsewhere = matches!(world.routing.unknown_model, UnknownModel::Provider(place) if !world.providers[place].local);
        let unknown = way.as_ref().is_err_and(|error| error.kind == Kind::ModelNotFound);
        Explanation {
            careful: world.routing.careful,
            kept_here: world.routing.careful && elsewhere && unknown && !call.row.ours,
            operation: Some(call.row.operation.name()),
            dialect: call.dialect.to_string(),
            model: call.model.clone(),
            path_rule: world.routes.rule(&call.rest).map(|(pattern, _)| pattern.to_owned()),
            name_rule: wish.model.and_then(|model| world.models.rule(model)).map(|(name, _)| name.to_owned()),
            way: way.map_err(Refused::from),
            strategy: seen.as_ref().map(|seen| seen.strategy.word()),
            targets: seen.map(|seen| target::all(&seen)).unwrap_or_default(),
            places: (0..world.providers.len()).map(|place| self.seen(world, &wish, place)).collect(),
        }
    }

    /// The first that takes calls at this moment; who finds out whether one is back is not looked at.
    fn there(&self, seen: &Outlook) -> Result<Way, ApiError> {
        let takes =
            |target: &&Target| target.shut_for().is_none() && !self.register.keys.are_out(&target.provider);
        let Some(first) = std::iter::once(&seen.plan.first).chain(&seen.plan.others).find(takes) else {
            let say = "No place for this takes calls at this moment: each failed lately, asked for a rest, or has no key that is well.";
            return Err(ApiError::new(Kind::NoHealthyTarget, say));
        };
        let (provider, model) = (first.provider.name.clone(), first.model.clone());
        Ok(Way::There { provider, model, reason: seen.reason })
    }

    fn seen(&self, world: &Snapshot, wish: &Wish<'_>, place: usize) -> Place {
        let provider = &world.providers[place];
        let written = wish.model.and_then(|model| world.models.find(model));
        let rule = world.routes.find(wish.rest);
        let serves = wish.may_go_to(provider);
        let has = |model| match provider.models.as_slice() {
            [] => self.catalogue.says(world, place, model),
            _ => Some(provider.own_name(model).is_some()),
        };
        Place {
            provider: provider.name.clone(),
            kind: provider.vendor.name().to_owned(),
            local: provider.local,
            priority: provider.priority,
            serves,
            limited: !serves && provider.vendor.speaks(wish.row.operation).is_some(),
            has: wish.model.and_then(has),
            silent: self.catalogue.failed(&provider.name),
            written: written
                .is_some_and(|served| served.places.iter().any(|chosen| chosen.provider == place)),
            path_rule: matches!(rule, Some(PathRule::Providers(places)) if places.contains(&place)),
            overridden: self.register.overridden(&provider.name),
        }
    }
}
