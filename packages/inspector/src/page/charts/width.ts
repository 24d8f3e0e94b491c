/** How wide an element is at the moment, so that what is drawn in it is drawn in its own pixels. */

import type { RefObject } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'

export function useWidth<E extends HTMLElement>(standard: number): readonly [RefObject<E | null>, number] {
  const ref = useRef<E | null>(null)
  const [width, setWidth] = useState(standard)
  useLayoutEffect(() => {
    const element = ref.current
    if (element === null) return
    const observer = new ResizeObserver(([entry]) => setWidth(Math.max(200, entry?.contentRect.width ?? standard)))
    observer.observe(element)
    return () => observer.disconnect()
  }, [standard])
  return [ref, width]
}
