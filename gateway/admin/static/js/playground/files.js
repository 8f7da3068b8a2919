/** Files of a question, as the parts of a message. */

const asUrl = (file) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result));
    reader.addEventListener("error", () => reject(reader.error));
    reader.readAsDataURL(file);
  });

async function part(file) {
  const url = await asUrl(file);
  if (file.type.startsWith("image/")) return { type: "image_url", image_url: { url } };
  return { type: "file", file: { filename: file.name, file_data: url } };
}

/** The content of a message: its text alone, or its text and a part for each file. */
export async function content(text, files) {
  if (!files.length) return text;
  return [{ type: "text", text }, ...(await Promise.all(files.map(part)))];
}
