package image

// groupOf is what an owner is in an image for.
func groupOf(o Owner) string {
	switch o.Kind {
	case Pip:
		return "Python packages"
	case Conda:
		return "conda packages"
	case Dpkg, Apk, Rpm:
		return "system packages"
	case CUDA:
		return "CUDA toolkit"
	case Weights:
		return "model weights"
	case Cache:
		return "caches"
	}
	return string(o.Kind)
}

// IsPackage reports whether owners of this kind are packages that a package
// manager has installed.
func (k OwnerKind) IsPackage() bool {
	switch k {
	case Pip, Conda, Dpkg, Apk, Rpm:
		return true
	}
	return false
}
