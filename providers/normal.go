package providers

// Divide divides options into those that differ from the defaults and those that do not.
func Divide(options, byDefault map[string]string) (changed, unchanged map[string]string) {
	changed, unchanged = map[string]string{}, map[string]string{}
	for key, text := range options {
		if usual, ok := byDefault[key]; ok && usual == text {
			unchanged[key] = text
		} else {
			changed[key] = text
		}
	}
	return changed, unchanged
}
