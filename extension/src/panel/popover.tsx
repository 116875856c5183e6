import * as React from 'react';
import { createPortal } from 'react-dom';

import { Button, IButtonProps } from './button';

const FOCUSABLE =
  'button:not([tabindex="-1"]), input, textarea, select, [tabindex="0"]';
const GAP = 4;
const EDGE = 8;

/** What a popover takes: all that its button takes, and what it holds. */
export interface IPopoverProps extends Omit<
  IButtonProps,
  'onClick' | 'expanded' | 'children' | 'type'
> {
  popup: 'menu' | 'dialog' | 'listbox';
  /** What the button shows. */
  face: React.ReactNode;
  /** What the surface is called by screen readers. */
  name: string;
  /** With which edge of the button the surface lines up. */
  align?: 'start' | 'end';
  /** Called as it opens, for what should be looked up anew. */
  onOpen?: () => void;
  /** What the surface holds; it is given the way to close it. */
  children: (close: () => void) => React.ReactNode;
}

/**
 * A button and the surface that it opens.
 *
 * The focus moves into the surface and is kept there; Escape closes it and gives the focus back; so does a choice; a
 * click elsewhere closes it. It lies in the page's body, so that a narrow side bar does not cut it off.
 */
export function Popover(props: IPopoverProps): JSX.Element {
  const { face, name, align, onOpen, children, ...button } = props;
  const [open, setOpen] = React.useState(false);
  const anchor = React.useRef<HTMLButtonElement>(null);
  const close = React.useCallback(() => {
    setOpen(false);
    anchor.current?.focus();
  }, []);
  const leave = React.useCallback(() => setOpen(false), []);
  const toggle = () => {
    if (!open) {
      onOpen?.();
    }
    setOpen(!open);
  };
  return (
    <>
      <Button {...button} ref={anchor} expanded={open} onClick={toggle}>
        {face}
      </Button>
      {open &&
        createPortal(
          <Surface
            anchor={anchor}
            name={name}
            align={align ?? 'start'}
            role={props.popup === 'dialog' ? 'dialog' : undefined}
            close={close}
            leave={leave}
          >
            {children(close)}
          </Surface>,
          document.body
        )}
    </>
  );
}

interface ISurfaceProps {
  anchor: React.RefObject<HTMLElement>;
  name: string;
  align: 'start' | 'end';
  role?: 'dialog';
  close: () => void;
  leave: () => void;
  children: React.ReactNode;
}

/** The surface, beside its button and within the window. */
function Surface(props: ISurfaceProps): JSX.Element {
  const { anchor, align, close, leave } = props;
  const node = React.useRef<HTMLDivElement>(null);
  usePlace(node, anchor, align);
  useLeaving(node, anchor, leave);
  React.useEffect(() => {
    const first =
      node.current?.querySelector<HTMLElement>('[data-first]') ??
      node.current?.querySelector<HTMLElement>(FOCUSABLE);
    first?.focus();
  }, []);
  const onKeyDown = (event: React.KeyboardEvent) => {
    // Nothing that is typed here is meant for the list or for the panel below.
    event.stopPropagation();
    if (event.key === 'Escape') {
      event.preventDefault();
      close();
    } else if (event.key === 'Tab') {
      keepWithin(event, node.current);
    }
  };
  return (
    <div
      ref={node}
      className="jp-Autoloop-popover"
      role={props.role}
      aria-label={props.role && props.name}
      onKeyDown={onKeyDown}
    >
      {props.children}
    </div>
  );
}

/** Puts the surface below its button, or above where there is no room; again when the window or the contents change. */
function usePlace(
  node: React.RefObject<HTMLElement>,
  anchor: React.RefObject<HTMLElement>,
  align: 'start' | 'end'
): void {
  React.useLayoutEffect(() => {
    const place = () => {
      const surface = node.current;
      const from = anchor.current?.getBoundingClientRect();
      if (!surface || !from) {
        return;
      }
      const { offsetWidth: width, offsetHeight: height } = surface;
      const left = align === 'start' ? from.left : from.right - width;
      const below = from.bottom + GAP;
      const fits = below + height <= window.innerHeight - EDGE;
      const top = fits ? below : from.top - GAP - height;
      const right = window.innerWidth - EDGE - width;
      surface.style.left = `${Math.max(EDGE, Math.min(left, right))}px`;
      surface.style.top = `${Math.max(EDGE, top)}px`;
    };
    place();
    window.addEventListener('resize', place);
    const observer =
      typeof ResizeObserver === 'undefined' ? null : new ResizeObserver(place);
    if (node.current) {
      observer?.observe(node.current);
    }
    return () => {
      window.removeEventListener('resize', place);
      observer?.disconnect();
    };
  }, [align]);
}

/** Calls `leave` when a pointer goes down, or the focus goes, elsewhere than the surface and its button. */
function useLeaving(
  node: React.RefObject<HTMLElement>,
  anchor: React.RefObject<HTMLElement>,
  leave: () => void
): void {
  React.useEffect(() => {
    const look = (event: Event) => {
      const target = event.target as Node;
      const inside =
        node.current?.contains(target) || anchor.current?.contains(target);
      if (!inside) {
        leave();
      }
    };
    document.addEventListener('pointerdown', look, true);
    document.addEventListener('focusin', look, true);
    return () => {
      document.removeEventListener('pointerdown', look, true);
      document.removeEventListener('focusin', look, true);
    };
  }, [leave]);
}

/** Lets the Tab key go round within the surface, also from an entry of a menu, which the key itself passes over. */
function keepWithin(
  event: React.KeyboardEvent,
  node: HTMLElement | null
): void {
  const all = [...(node?.querySelectorAll<HTMLElement>(FOCUSABLE) ?? [])];
  const [first, last] = [all[0], all[all.length - 1]];
  const way = event.shiftKey
    ? Node.DOCUMENT_POSITION_PRECEDING
    : Node.DOCUMENT_POSITION_FOLLOWING;
  const from = document.activeElement ?? document.body;
  if (first && !all.some(one => from.compareDocumentPosition(one) & way)) {
    event.preventDefault();
    (event.shiftKey ? last : first).focus();
  }
}
