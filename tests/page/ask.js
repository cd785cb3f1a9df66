// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Usage: node ask.js LOOKUP_JS PAGE_DIRECTORY <REQUESTS    asks the search of a page without a browser
 *
 * REQUESTS is an array of [FUNCTION, TEXT]; the answers are an array too:
 *	lookup TEXT	for each query in the text, the names of its drivers; those that are only possible have a '?'
 *	search TEXT	what the words lead to
 *	devices TARGET	the devices of a vendor or a device, with their drivers
 *	matches [PATTERN, SUBJECT]
 */
"use strict";

const fs = require("fs");
const path = require("path");
const search = require(path.resolve(process.argv[2]));
const directory = process.argv[3];
const index = fs.readFileSync(path.join(directory, "index.html"), "utf8");
const listName = /name="modfetch-list" content="([^"]*)"/.exec(index)[1];
const read = (name) => fs.readFileSync(path.join(directory, name), "utf8");

async function lookup(tables, text) {
	const answers = [];

	for (const query of search.parseText(text)) {
		const found = await (query.kind === "words" ? search.lookupName(tables, query.label) : search.lookup(tables, query));
		answers.push([...found].map(([name, entry]) => name + (entry.sure ? "" : "?")).sort());
	}
	return answers;
}

const functions = {
	lookup,
	search: search.search,
	devices: search.devicesOf,
	matches: async (tables, [pattern, subject]) => search.matches(pattern, subject),
};

async function main() {
	const tables = new search.Tables(JSON.parse(read(listName)), async (name) => JSON.parse(read(name)));
	const answers = [];

	for (const [name, argument] of JSON.parse(fs.readFileSync(0, "utf8")))
		answers.push(await functions[name](tables, argument));
	process.stdout.write(JSON.stringify(answers));
}

main();
