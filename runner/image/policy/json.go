package policy

import (
	"encoding/json"
	"errors"
)

// A read takes one value out of a stream of JSON.
type read func(*json.Decoder) error

// keys are the values of an object that are wanted. Others are passed over.
type keys map[string]read

// maxDepth of values in values. The scanners' have about ten.
const maxDepth = 1000

// value takes whatever comes: the wanted keys of an object, the items of a list,
// or a word, which is passed over where none is wanted.
func value(j *json.Decoder, wanted keys, item read, word func(string) error) error {
	t, err := j.Token()
	if err != nil {
		return err
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '{' {
			return members(j, wanted)
		}
		return items(j, item)
	case string:
		if word != nil {
			return word(t)
		}
	}
	return nil
}

// object takes the wanted keys, and passes over what is no object.
func object(j *json.Decoder, wanted keys) error { return value(j, wanted, skip, nil) }

// list takes each item, and passes over what is no list.
func list(item read) read {
	return func(j *json.Decoder) error { return value(j, nil, item, nil) }
}

// text takes a word, and passes over what is none.
func text(set func(string) error) read {
	return func(j *json.Decoder) error { return value(j, nil, skip, set) }
}

func members(j *json.Decoder, wanted keys) error {
	for j.More() {
		t, err := j.Token()
		if err != nil {
			return err
		}
		take := skip
		if key, ok := t.(string); ok && wanted[key] != nil {
			take = wanted[key]
		}
		if err := take(j); err != nil {
			return err
		}
	}
	_, err := j.Token()
	return err
}

func items(j *json.Decoder, item read) error {
	for j.More() {
		if err := item(j); err != nil {
			return err
		}
	}
	_, err := j.Token()
	return err
}

// skip passes over one value.
func skip(j *json.Decoder) error {
	t, err := j.Token()
	if _, opens := t.(json.Delim); err == nil && opens {
		return rest(j)
	}
	return err
}

// rest passes over what is left of an object or a list that has been begun.
func rest(j *json.Decoder) error {
	for depth := 1; depth > 0; {
		t, err := j.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			if depth++; depth > maxDepth {
				return errors.New("its values are nested too deeply")
			}
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
	return nil
}

// decode takes a value whose fields are words. Fields of other types, as other
// versions may have, stay empty.
func decode(j *json.Decoder, v any) error {
	err := j.Decode(v)
	var other *json.UnmarshalTypeError
	if errors.As(err, &other) {
		return nil
	}
	return err
}
