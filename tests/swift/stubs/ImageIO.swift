// The symbols of ImageIO that the package uses, without bodies: enough to type-check it where there is no Mac.
import CoreGraphics
import Foundation

public final class CGImageSource {}
public enum CGImageSourceStatus { case statusComplete, statusUnexpectedEOF, statusInvalidData, statusIncomplete }

public let kCGImageSourceShouldCache: CFString = ""
public let kCGImagePropertyPixelWidth: CFString = ""
public let kCGImagePropertyPixelHeight: CFString = ""
public let kCGImagePropertyIsFloat: CFString = ""
public let kCGImagePropertyDepth: CFString = ""
public let kCGImagePropertyOrientation: CFString = ""

public func CGImageSourceCreateWithData(_ data: Data, _ options: [CFString: Bool]?) -> CGImageSource? { nil }
public func CGImageSourceGetType(_ source: CGImageSource) -> CFString? { nil }
public func CGImageSourceCopyPropertiesAtIndex(_ source: CGImageSource, _ index: Int, _ options: [CFString: Bool]?)
  -> Any?
{ nil }
public func CGImageSourceCreateImageAtIndex(_ source: CGImageSource, _ index: Int, _ options: [CFString: Bool]?)
  -> CGImage?
{ nil }
public func CGImageSourceGetStatusAtIndex(_ source: CGImageSource, _ index: Int) -> CGImageSourceStatus {
  .statusComplete
}
