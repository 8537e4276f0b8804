#if os(iOS)
  import SwiftUI
  import UIKit

  /// The system's camera. A picture that it hands over is encoded as JPEG again, so its compression is not the camera's.
  struct Camera: UIViewControllerRepresentable {
    let taken: @MainActor (Data) -> Void
    @Environment(\.dismiss) private var dismiss

    func makeUIViewController(context: Context) -> UIImagePickerController {
      let controller = UIImagePickerController()
      controller.sourceType = .camera
      controller.delegate = context.coordinator
      return controller
    }

    func updateUIViewController(_ controller: UIImagePickerController, context: Context) {}

    func makeCoordinator() -> Coordinator { Coordinator(self) }

    @MainActor
    final class Coordinator: NSObject, UIImagePickerControllerDelegate, UINavigationControllerDelegate {
      private let camera: Camera

      init(_ camera: Camera) { self.camera = camera }

      func imagePickerController(
        _ picker: UIImagePickerController, didFinishPickingMediaWithInfo info: [UIImagePickerController.InfoKey: Any]
      ) {
        if let data = (info[.originalImage] as? UIImage)?.jpegData(compressionQuality: 0.95) { camera.taken(data) }
        camera.dismiss()
      }

      func imagePickerControllerDidCancel(_ picker: UIImagePickerController) { camera.dismiss() }
    }
  }
#endif
