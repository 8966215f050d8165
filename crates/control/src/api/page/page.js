// Shows /admin/openapi.json. Everything is put in as text, never as markup.
"use strict";

const make = (tag, text, name) => {
  const made = document.createElement(tag);
  if (text) made.textContent = text;
  if (name) made.className = name;
  return made;
};

// An example of what a schema describes; a type that holds itself ends where it begins again.
const example = (schema, all, seen = []) => {
  if (!schema) return null;
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    return seen.includes(name) ? {} : example(all[name], all, [...seen, name]);
  }
  if (schema.example !== undefined) return schema.example;
  if (schema.enum) return schema.enum.join(" | ");
  const several = schema.oneOf || schema.anyOf;
  if (several) return example(several.find((one) => one.type !== "null"), all, seen);
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((one) => example(one, all, seen)));
  const type = Array.isArray(schema.type) ? schema.type.find((one) => one !== "null") : schema.type;
  if (type === "array") return [example(schema.items, all, seen)];
  if (type === "object") {
    const members = Object.entries(schema.properties || {});
    return Object.fromEntries(members.map(([name, one]) => [name, example(one, all, seen)]));
  }
  return { string: "text", integer: 0, number: 0, boolean: true }[type] ?? "any";
};

const rows = (route) => {
  const table = make("table");
  for (const one of route.parameters || []) {
    const row = table.appendChild(make("tr"));
    row.appendChild(make("td")).appendChild(make("code", one.name));
    row.appendChild(make("td", one.in + (one.required ? ", needed" : ""), "about"));
    row.appendChild(make("td", one.description || ""));
  }
  return table;
};

const shown = (method, path, route, all) => {
  const box = make("details");
  const head = box.appendChild(make("summary"));
  head.appendChild(make("span", method.toUpperCase(), "method"));
  head.appendChild(make("code", path));
  head.appendChild(make("span", " " + (route.summary || ""), "about"));
  head.appendChild(make("span", (route.description || "").replace("Takes the role ", "").replace(".", ""), "role"));
  if ((route.parameters || []).length) box.append(make("h4", "Parameters"), rows(route));
  const body = route.requestBody?.content?.["application/json"]?.schema;
  if (body) box.append(make("h4", "Body"), make("pre", JSON.stringify(example(body, all), null, 2)));
  for (const [status, answer] of Object.entries(route.responses || {})) {
    if (status === "default") continue;
    const schema = Object.values(answer.content || {})[0]?.schema;
    box.append(make("h4", `Answer ${status}`));
    if (schema) box.append(make("pre", JSON.stringify(example(schema, all), null, 2)));
  }
  box.dataset.words = `${method} ${path} ${route.summary}`.toLowerCase();
  return box;
};

const show = (api) => {
  document.getElementById("about").textContent = api.info.description;
  const [main, nav] = [document.getElementById("routes"), document.getElementById("tags")];
  const groups = new Map();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, route] of Object.entries(methods)) {
      const tag = route.tags?.[0] || "other";
      if (!groups.has(tag)) {
        const group = main.appendChild(make("section"));
        group.appendChild(make("h2", tag)).id = tag.replace(/\W+/g, "-");
        const link = nav.appendChild(make("a", tag));
        link.href = "#" + tag.replace(/\W+/g, "-");
        groups.set(tag, group);
      }
      groups.get(tag).appendChild(shown(method, path, route, api.components.schemas));
    }
  }
  document.getElementById("search").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase();
    for (const box of main.querySelectorAll("details")) box.hidden = !box.dataset.words.includes(words);
  });
};

fetch("/admin/openapi.json")
  .then((answer) => answer.json())
  .then(show)
  .catch((error) => document.getElementById("routes").append(make("p", `The description could not be read: ${error.message}`)));
