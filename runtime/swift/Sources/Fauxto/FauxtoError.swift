import Foundation

/// What fauxto throws on purpose. Each reason is one line that names what is wrong and what to do.
public enum FauxtoError: Error, Equatable, Sendable {
  /// A picture that cannot be read or judged.
  case image(String)
  /// A card that is missing, damaged, or of another schema.
  case card(String)
  /// A Core ML model that is missing, damaged, or not the one of its card.
  case model(String)
  /// An argument of the caller's that cannot be.
  case argument(String)
}

extension FauxtoError: LocalizedError, CustomStringConvertible {
  /// The reason, for a person.
  public var errorDescription: String? { description }

  public var description: String {
    switch self {
    case .image(let reason), .card(let reason), .model(let reason), .argument(let reason): reason
    }
  }
}
