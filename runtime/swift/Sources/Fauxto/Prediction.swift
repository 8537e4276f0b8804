import Foundation

/// The answer for one picture: the record that every runtime of fauxto gives, schema 2.
///
/// As JSON it has the same keys and values as Python's `Prediction.to_dict`, null for what does not apply. The order of
/// the keys is the encoder's own.
public struct Prediction: Codable, Equatable, Sendable {
  /// Version of this record. A changed field is a new number.
  public static let schema = 2

  /// Whether the picture could be read.
  public enum Status: String, Codable, Sendable {
    case ok
    /// `error` is set, and the fields about the picture are nil.
    case error
  }

  /// What a file declares of itself. This package does not read that; records of the Python runtime may hold it.
  public enum Declared: String, Codable, Sendable {
    case ai, camera, edited, nothing
  }

  /// Of a C2PA manifest. The same.
  public enum Signature: String, Codable, Sendable {
    case unverified, valid, expired, invalid
  }

  /// What the picture is called.
  public var path: String?
  public var status = Status.ok
  public var verdict: Verdict?
  /// The side that an unsure verdict leans to; nil for a picture that is too small to judge.
  public var lean: Lean?
  /// Calibrated probability of "ai", 0...1, where a share `prior` of all pictures is.
  public var pAI: Double?
  /// The base rate that `pAI` and `threshold` are for, 0...1. Verdicts do not depend on it.
  public var prior: Double?
  /// The model's raw answer, pooled over the crops.
  public var logit: Double?
  /// Which rule gave the verdict.
  public var operatingPoint: String?
  /// The `pAI` from which that rule says `ai`.
  public var threshold: Double?
  /// Why this verdict.
  public var reason: Reason?
  /// Of the upright picture, px.
  public var width: Int?
  /// Of the upright picture, px.
  public var height: Int?
  /// What answered: name and release.
  public var model: String?
  /// sha256 of its weights, hexadecimal.
  public var modelSHA256: String?
  /// What ran it.
  public var provider: String?
  /// Time for this picture, ms: decoding, preprocessing, inference.
  public var elapsedMS: Double?
  /// What is wrong with the input, one line.
  public var error: String?
  public var declared: Declared?
  public var declaredBy: String?
  public var signature: Signature?

  enum CodingKeys: String, CodingKey, CaseIterable {
    case schema, path, status, verdict, lean
    case pAI = "p_ai"
    case prior, logit
    case operatingPoint = "operating_point"
    case threshold, reason, width, height, model
    case modelSHA256 = "model_sha256"
    case provider
    case elapsedMS = "elapsed_ms"
    case error, declared
    case declaredBy = "declared_by"
    case signature
  }

  /// A record without an answer.
  public init() {}

  /// The probability in words: "AI 11 %". Never 0 or 100: a model is not that certain. Nil where there is no bar to
  /// draw: no answer, or a picture that is too small to judge.
  public var chance: String? {
    guard let pAI, reason != .tooSmall else { return nil }
    let rounded = String(format: "%.0f", 100 * pAI)
    return "AI \(["0": "< 1", "100": "> 99"][rounded] ?? rounded) %"
  }
}

extension Prediction {
  /// Reads a record. Throws `DecodingError` for another schema and for unknown fields.
  public init(from decoder: any Decoder) throws {
    let record = try decoder.container(keyedBy: CodingKeys.self)
    let schema = try record.decode(Int.self, forKey: .schema)
    guard schema == Self.schema else {
      throw DecodingError.dataCorruptedError(
        forKey: .schema, in: record,
        debugDescription: "record of schema \(schema); this Fauxto reads schema \(Self.schema)")
    }
    let known = Set(CodingKeys.allCases.map(\.rawValue))
    let unknown = try decoder.container(keyedBy: AnyKey.self).allKeys.map(\.stringValue).filter { !known.contains($0) }
    guard unknown.isEmpty else {
      throw DecodingError.dataCorrupted(
        .init(
          codingPath: decoder.codingPath,
          debugDescription: "unknown fields: \(unknown.sorted().joined(separator: ", "))"))
    }
    path = try record.decodeIfPresent(String.self, forKey: .path)
    status = try record.decode(Status.self, forKey: .status)
    verdict = try record.decodeIfPresent(Verdict.self, forKey: .verdict)
    lean = try record.decodeIfPresent(Lean.self, forKey: .lean)
    pAI = try record.decodeIfPresent(Double.self, forKey: .pAI)
    prior = try record.decodeIfPresent(Double.self, forKey: .prior)
    logit = try record.decodeIfPresent(Double.self, forKey: .logit)
    operatingPoint = try record.decodeIfPresent(String.self, forKey: .operatingPoint)
    threshold = try record.decodeIfPresent(Double.self, forKey: .threshold)
    reason = try record.decodeIfPresent(Reason.self, forKey: .reason)
    width = try record.decodeIfPresent(Int.self, forKey: .width)
    height = try record.decodeIfPresent(Int.self, forKey: .height)
    model = try record.decodeIfPresent(String.self, forKey: .model)
    modelSHA256 = try record.decodeIfPresent(String.self, forKey: .modelSHA256)
    provider = try record.decodeIfPresent(String.self, forKey: .provider)
    elapsedMS = try record.decodeIfPresent(Double.self, forKey: .elapsedMS)
    error = try record.decodeIfPresent(String.self, forKey: .error)
    declared = try record.decodeIfPresent(Declared.self, forKey: .declared)
    declaredBy = try record.decodeIfPresent(String.self, forKey: .declaredBy)
    signature = try record.decodeIfPresent(Signature.self, forKey: .signature)
  }

  /// Every field, null where it is nil.
  public func encode(to encoder: any Encoder) throws {
    var record = encoder.container(keyedBy: CodingKeys.self)
    try record.encode(Self.schema, forKey: .schema)
    try record.encode(path, forKey: .path)
    try record.encode(status, forKey: .status)
    try record.encode(verdict, forKey: .verdict)
    try record.encode(lean, forKey: .lean)
    try record.encode(pAI, forKey: .pAI)
    try record.encode(prior, forKey: .prior)
    try record.encode(logit, forKey: .logit)
    try record.encode(operatingPoint, forKey: .operatingPoint)
    try record.encode(threshold, forKey: .threshold)
    try record.encode(reason, forKey: .reason)
    try record.encode(width, forKey: .width)
    try record.encode(height, forKey: .height)
    try record.encode(model, forKey: .model)
    try record.encode(modelSHA256, forKey: .modelSHA256)
    try record.encode(provider, forKey: .provider)
    try record.encode(elapsedMS, forKey: .elapsedMS)
    try record.encode(error, forKey: .error)
    try record.encode(declared, forKey: .declared)
    try record.encode(declaredBy, forKey: .declaredBy)
    try record.encode(signature, forKey: .signature)
  }

  private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}
