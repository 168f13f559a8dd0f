/** The pages of the web client in full: the one to choose pictures on, which works as a plain form, and its answer. */
import { escaped } from "./page/result-card.js";

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/theme.css">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<main class="page">
${body}
</main>
</body>
</html>
`;
}

/** @param maxBytes of one picture */
export function uploadPage(maxBytes: number): string {
  return page(
    "What is in the picture?",
    `<header>
<h1>What is in the picture?</h1>
<p class="lead">Inception-v3 names the ten likeliest of a thousand things. Pictures go to a server on your own machine.</p>
</header>
<form id="form" class="card" method="post" action="/classify" enctype="multipart/form-data" data-max-bytes="${maxBytes}">
<p><strong>Drop pictures here</strong></p>
<div class="choose">
<input id="files" type="file" name="pictures" accept="image/jpeg,image/png,image/webp" multiple required aria-label="Pictures">
<label class="button primary" for="files">Choose pictures</label>
<button id="send" class="primary">Classify</button>
<button id="sample" type="button" hidden>Draw one for me</button>
</div>
<p class="quiet">JPEG, PNG or WebP, up to ${maxBytes / 2 ** 20} MiB each</p>
</form>
<p id="status" class="quiet" role="status"></p>
<section id="results" aria-label="Results"></section>
<script type="module" src="/main.js"></script>`,
  );
}

/** @param cards of result-card.ts */
export function resultsPage(cards: readonly string[]): string {
  return page(
    "What is in the picture?",
    `<header><h1>What is in the picture?</h1></header>
<section id="results" class="answered" aria-label="Results">
${cards.join("\n")}
</section>
<p class="back"><a href="/">Classify other pictures</a></p>`,
  );
}
