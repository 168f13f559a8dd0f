/** The files of a form as a browser sends them: multipart/form-data (RFC 7578), read from a body that is in memory. */
import { invalidArgument } from "@servable/formats";

export interface UploadedFile {
  /** As the visitor's machine calls it: for showing, never for opening. */
  readonly fileName: string;
  readonly bytes: Buffer;
}

const HEADERS_END = "\r\n\r\n";

/**
 * The files of a form; fields without a file name, and files that were left out, are not among them.
 *
 * @param contentType of the request, which holds the boundary
 * @throws INVALID_ARGUMENT for what is no such form
 */
export function readUploads(contentType: string | undefined, body: Buffer): UploadedFile[] {
  const [, quoted, bare] =
    /^multipart\/form-data;.*\bboundary=(?:"([^"]+)"|([^;]+))/i.exec(contentType ?? "") ?? [];
  const boundary = quoted ?? bare;
  if (boundary === undefined) throw invalidArgument("The form must be sent as multipart/form-data");
  return [...parts(body, `--${boundary}`)].flatMap(({ headers, content }) => {
    const fileName = fileNameOf(headers);
    return fileName === undefined || fileName === "" ? [] : [{ fileName, bytes: content }];
  });
}

function* parts(body: Buffer, delimiter: string): Generator<{ headers: string; content: Buffer }> {
  let start = body.indexOf(delimiter);
  for (;;) {
    if (start < 0) throw invalidArgument("The form ends before its last part");
    start += delimiter.length;
    if (body.toString("latin1", start, start + 2) === "--") return;
    const end = body.indexOf(`\r\n${delimiter}`, start);
    const headersEnd = body.indexOf(HEADERS_END, start);
    if (end < 0 || headersEnd < 0 || headersEnd > end)
      throw invalidArgument("The form has a part without end");
    yield {
      headers: body.toString("utf8", start, headersEnd),
      content: body.subarray(headersEnd + HEADERS_END.length, end),
    };
    start = end + 2;
  }
}

/** Browsers write a quote in a name as %22. */
function fileNameOf(headers: string): string | undefined {
  const disposition = headers.split("\r\n").find((line) => /^content-disposition:/i.test(line));
  return /;\s*filename="([^"]*)"/i.exec(disposition ?? "")?.[1]?.replaceAll("%22", '"');
}
