/** The errors that fauxto raises on purpose. Each message is one line and names what to do. */

/** Base class: a bad model, an unusable engine, an unreadable image. */
export class FauxtoError extends Error {
  name = 'FauxtoError';
}

/** An image that cannot be read. */
export class ImageError extends FauxtoError {
  name = 'ImageError';

  /**
   * @param {string} reason what is wrong with it, one line, without its name
   * @param {string | null} [path] its name, where it has one; the message then begins with it
   */
  constructor(reason, path = null) {
    super(path ? `${path}: ${reason}` : reason);
    this.reason = reason;
    this.path = path;
  }
}

/** A model file or card that is missing, damaged or incomplete. */
export class ModelError extends FauxtoError {
  name = 'ModelError';
}

/** An engine that is not there, cannot load, or does not run the model rightly. */
export class EngineError extends FauxtoError {
  name = 'EngineError';
}
