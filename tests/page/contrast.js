// SPDX-License-Identifier: LGPL-2.1-or-later
// Run in the page: the lowest contrast of a text with its background, as WCAG 2 computes it.
const channels = (color) => color.match(/[\d.]+/g).map(Number);
const linear = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
const luminance = (color) => channels(color).slice(0, 3).map(linear).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);

function background(element) {
	for (; element; element = element.parentElement) {
		const color = getComputedStyle(element).backgroundColor;
		if (channels(color)[3] !== 0)
			return color;
	}
	return "rgb(255, 255, 255)";
}

const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const low = { texts: 0, ratio: 21, text: "", dark: luminance(background(document.body)) < 0.5 };
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
	if (!node.data.trim() || node.parentElement.closest("noscript"))
		continue;
	const [a, b] = [luminance(getComputedStyle(node.parentElement).color), luminance(background(node.parentElement))];
	const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
	low.texts++;
	if (ratio < low.ratio)
		Object.assign(low, { ratio, text: node.data });
}
return low;
